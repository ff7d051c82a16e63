#!/usr/bin/env bash
# The certificates with which the sandbox plays PayPal's, and those that tests forge with. Made once and committed,
# valid for a hundred years but for the one that is to be expired. The keys are published here, so nothing but a
# test may ever trust root.pem. To make all of them anew: sandbox/certificates/make.sh (OpenSSL 3)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

live=messageverificationcerts.sandbox.paypal.com
long=(-startdate 20260101000000Z -enddate 21260101000000Z)

cat >"$work/ca.cnf" <<CONF
[ca]
default_ca = test
[test]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectAltName = \${ENV::SAN}
CONF
touch "$work/index"
export SAN=DNS:$live

key() { openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1"; }
request() { openssl req -new -config "$work/ca.cnf" -key "$1" -subj "/CN=$2" -out "$work/request"; }
# certificate OUT EXTENSIONS ISSUER|self KEY NAME WHEN…
certificate() {
  local out=$1 extensions=$2 issuer=$3 key=$4 name=$5; shift 5
  request "$key" "$name"
  local by=(-cert "$work/$issuer.pem" -keyfile "$work/$issuer.key")
  if [[ $issuer == self ]]; then by=(-selfsign -keyfile "$key"); fi
  openssl ca -batch -notext -config "$work/ca.cnf" -extensions "$extensions" "${by[@]}" "$@" \
    -in "$work/request" -out "$out" 2>/dev/null
}

key "$work/root.key"
certificate "$work/root.pem" authority self "$work/root.key" "Remit sandbox root, for tests alone" "${long[@]}"
key "$work/between.key"
certificate "$work/between.pem" authority root "$work/between.key" "Remit sandbox authority" "${long[@]}"

key paypal.key.pem
certificate "$work/leaf.pem" signer between paypal.key.pem "$live" "${long[@]}"
cat "$work/leaf.pem" "$work/between.pem" >paypal.pem

key forger.key.pem
certificate "$work/leaf.pem" signer between forger.key.pem "$live" -startdate 20240101000000Z -enddate 20250101000000Z
cat "$work/leaf.pem" "$work/between.pem" >expired.pem
SAN=DNS:pay.shop.example certificate "$work/leaf.pem" signer between forger.key.pem pay.shop.example "${long[@]}"
cat "$work/leaf.pem" "$work/between.pem" >somebody-else.pem
key "$work/false.key"
certificate "$work/false.pem" authority self "$work/false.key" "Remit sandbox root, for tests alone" "${long[@]}"
certificate "$work/leaf.pem" signer false forger.key.pem "$live" "${long[@]}"
cat "$work/leaf.pem" "$work/false.pem" >self-signed.pem
certificate "$work/leaf.pem" signer between paypal.key.pem "$live" "${long[@]}"
cp "$work/leaf.pem" without-issuer.pem
cp "$work/root.pem" root.pem
