"""What a parser can tell of docker-compose.yml without a container engine; run by `./dev lint`.

A service's variables must be ones that the programs declare, their mode is test, every port is bound to loopback, every
lasting service has a health check, and who is waited for exists and can be waited for in that way.
"""

import pathlib
import re
import sys

import yaml

root = pathlib.Path(__file__).resolve().parents[2]
compose = yaml.safe_load((root / "docker-compose.yml").read_text())
services = compose["services"]
dockerfile = (root / "Dockerfile").read_text()
known = set()
for source in [root / "dev", *root.glob("deploy/dev/*.sh"), *root.glob("*/src/**/*.rs")]:
    known |= set(re.findall(r"\b(?:REMIT_[A-Z_]+|DATABASE_URL|AMQP_URL)\b", source.read_text()))

faults = []
for name, service in services.items():
    ours = service.get("image") == "remit"
    for variable in service.get("environment", {}):
        if ours and variable not in known:
            faults.append(f"{name}: no program takes {variable}")
    if ours and name != "sandbox" and service.get("environment", {}).get("REMIT_MODE") != "${REMIT_MODE:-test}":
        faults.append(f"{name}: REMIT_MODE is not test, and the secrets here are published")
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            faults.append(f"{name}: port {port} is open to the network")
    if ours and f"target/release/{service['command'][0]}" not in dockerfile:
        faults.append(f"{name}: the image has no {service['command'][0]}")
    if name != "migrate" and "test" not in service.get("healthcheck", {}):
        faults.append(f"{name}: no health check")
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("./"):
            if not (root / source).exists():
                faults.append(f"{name}: there is no {source}")
        elif source not in compose["volumes"]:
            faults.append(f"{name}: volume {volume} is not declared")
    for other, wait in service.get("depends_on", {}).items():
        if other not in services:
            faults.append(f"{name}: waits for {other}, which is not there")
        elif wait["condition"] == "service_healthy" and "healthcheck" not in services[other]:
            faults.append(f"{name}: {other} cannot become healthy")

sys.exit("\n".join(faults) if faults else None)
