# Shortcuts; `just --list` shows them. Nothing here does what a plain command could not.

# Everything that must hold before a change lands
check:
    scripts/check

# The main job with made-up prices
demo:
    cargo run -- run --simulate

# All figures of docs/benchmarks.md (about twenty minutes, a quarter of it building)
bench *NAMES:
    cargo bench --bench figures -- {{NAMES}}

# The scheduling core in 10,000 simulated worlds (about nine minutes by the 500 of the suite)
simulate-seeds:
    FINSTAGE_SIMULATION_SEEDS=10_000 cargo test --test main simulation -- --nocapture

# The planner against the oracle, a million cases (about two minutes)
oracle:
    FINSTAGE_ORACLE_CASES=1_000_000 cargo test --test main oracle -- --nocapture

# kill -9 under load, so many times (about four minutes; the suite does 200)
kills COUNT="1000":
    FINSTAGE_KILLS={{COUNT}} cargo test --test main process::kills -- --nocapture

# A daemon whose log nobody reads for so long: how late its fires begin, and what is lost of the log
stall SECONDS="60":
    FINSTAGE_STALL_SECONDS={{SECONDS}} cargo test --test main process::sink::a_log_whose_reader_stalls -- --nocapture

# The lines at INFO and above of a run of so many symbols
crowd SYMBOLS="5000":
    FINSTAGE_CROWD={{SYMBOLS}} cargo test --test main jobs::quiet -- --nocapture

# docs/events.md, alerting/ and the journal's catalogue, made anew from the event catalogue
events:
    FINSTAGE_REWRITE_DOCUMENTS=1 cargo test --test main telemetry::documents::every_document

# The unit in a real systemd: ready, reload, watchdog, kill, drain, credentials, a journal that stands still (root, a minute)
boot STALL="5":
    cargo build
    FINSTAGE_STALL_S={{STALL}} tests/systemd/boot target/debug/finstage

# The Debian package, in target/debian/
deb:
    scripts/deb

# The same of the debug build, installed, upgraded, removed and purged in a real systemd (root)
deb-check:
    cargo build
    scripts/deb --no-build --fast --strip --profile dev --output target/deb/check.deb
    tests/systemd/boot --package target/deb/check.deb

# tests/data/instructions.json, counted anew: docs/performance-gate.md
accept-instructions:
    FINSTAGE_ACCEPT_INSTRUCTIONS=1 cargo test --test main performance -- --nocapture

# alerting/grafana/dashboard.json, made anew from its source (needs node)
dashboard:
    cd alerting/grafana && npm ci --no-audit --no-fund && npm run build

# pandas and TA-Lib for the bench of indicators: PATH=$PWD/target/peers/bin:$PATH just bench indicators
peers:
    python3 -m venv target/peers && target/peers/bin/pip install --quiet pandas TA-Lib
