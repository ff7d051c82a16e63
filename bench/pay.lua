-- Load for `./dev bench`: each request is a payment of its own. Sent by wrk.
-- AUTH: the Authorization header; PREFER: a Prefer header, if any; TOKEN: what is charged; INTERVAL_MS: how long each
-- connection rests before the next, whatever became of the last.
local seed = string.format("bench-%d-%s-", os.time(), tostring({}):match("0x(%x+)"))
local number = 0
local token = os.getenv("TOKEN") or "pm_card_visa"
local interval = tonumber(os.getenv("INTERVAL_MS"))
local headers = {
  ["Content-Type"] = "application/json",
  ["Authorization"] = os.getenv("AUTH"),
  ["Prefer"] = os.getenv("PREFER"),
}

request = function()
  number = number + 1
  headers["Idempotency-Key"] = seed .. number
  return wrk.format("POST", "/process-payment", headers,
    '{"amount":"19.99","currency":"USD","payment_method":{"type":"card","token":"' .. token .. '"},' ..
    '"customer":{"email":"a@example.com"},"description":"order ' .. number .. '"}')
end

if interval then delay = function() return interval end end

-- One line for the script that reads it. An answer of 4xx or 5xx counts as refused.
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT requests=%d seconds=%.2f p50_ms=%.2f p99_ms=%.2f refused=%d errors=%d\n",
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    e.status, e.connect + e.read + e.write + e.timeout))
end
