"""Names the slowest tests of a run, from what it wrote for machines; run by `./dev test`."""

import sys
import xml.etree.ElementTree as xml

NAMED = 10

try:
    tests = [(float(test.get("time")), test.get("name")) for test in xml.parse(sys.argv[1]).iter("testcase")]
except OSError:
    tests = []
if len(tests) > NAMED:
    print(f"the slowest of {len(tests)} tests, which took {sum(time for time, _ in tests):.0f} s one after the other:")
    for time, name in sorted(tests, reverse=True)[:NAMED]:
        print(f"{time:7.1f} s  {name}")
