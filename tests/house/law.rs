//! The law as tables, and the checks of one file against it.

use super::text::{Token, tokens};

/// Top-level modules, lowest first. A module imports from strictly lower lines only.
const LAYERS: &[&[&str]] = &[
    &["clock"],
    &["domain"],
    &["telemetry", "cache", "calendar", "indicators"],
    &["config"],
    &["upstream", "store"],
    &["jobs"],
    &["runner"],
    &["scheduler", "monitor", "simulator"],
    &["http"],
    &["daemon"],
    &["cli"],
    &["main", "lib"],
];

/// Foreign crates and the only places that name them: a folder ends in `/`, a file in `.rs`.
pub(super) const DOORS: &[(&str, &[&str])] = &[
    ("sea_orm", &["src/store/"]),
    ("sea_orm_migration", &["src/store/"]),
    ("reqwest", &["src/upstream/"]),
    ("governor", &["src/upstream/limiter.rs"]),
    ("backoff", &["src/upstream/retry.rs"]),
    ("sysinfo", &["src/monitor/sampler.rs"]),
    ("tokio_cron_scheduler", &["src/scheduler/housekeeping.rs"]),
    ("croner", &["src/domain/cron.rs"]),
    ("axum", &["src/simulator/", "src/http/"]),
    ("hyper", &["src/http/"]),
    ("hyper_util", &["src/http/"]),
    ("subtle", &["src/http/"]),
    ("metrics", &["src/telemetry/metric.rs"]),
    ("metrics_exporter_prometheus", &["src/telemetry/metric.rs"]),
    ("toml", &["src/config/"]),
    ("sd_notify", &["src/daemon/"]),
    ("notify", &["src/daemon/"]),
    ("moka", &["src/cache/"]),
    ("redis", &["src/cache/"]),
    ("csv", &["src/cli/"]),
    ("maud", &["src/cli/report/page/"]),
    ("plotters", &["src/cli/report/plot/"]),
    // An event that is not in the catalogue has no code, no action and no rule.
    ("tracing", &["src/telemetry/"]),
    ("tracing_subscriber", &["src/telemetry/"]),
    ("clap", &["src/cli/", "src/main.rs"]),
    ("indicatif", &["src/cli/"]),
    ("comfy_table", &["src/cli/"]),
    ("textplots", &["src/cli/chart.rs"]),
    ("terminal_size", &["src/cli/chart.rs"]),
    ("rustls", &["src/upstream/", "src/main.rs"]),
];

const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln"];
const PRINTERS: &[&str] = &["src/cli/", "src/main.rs"];
const LONGEST_FILE: usize = 400;

/// Every way in which a file (its path from the repository's root) breaks the law.
pub(super) fn check(path: &str, source: &str) -> Vec<String> {
    let mut found = Vec::new();
    opens_with_its_purpose(path, source, &mut found);
    is_not_too_long(path, source, &mut found);
    let tokens = tokens(source);
    if !is_test_module(path) {
        imports_only_from_below(path, &tokens, &mut found);
        uses_the_doors(path, &tokens, &mut found);
        prints_only_in_cli(path, &tokens, &mut found);
    }
    found
}

/// `src/x/tests.rs` and `src/x/tests/…`, declared under `#[cfg(test)]`.
fn is_test_module(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// `src/domain/cron.rs` is `[domain, cron]`, `src/domain/mod.rs` is `[domain]`.
fn module_path(path: &str) -> Vec<&str> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    inner.split('/').filter(|part| *part != "mod").collect()
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn opens_with_its_purpose(path: &str, source: &str, found: &mut Vec<String>) {
    let first = source.lines().next().unwrap_or_default();
    let purpose = first.strip_prefix("//! ").map(str::trim);
    if purpose.is_none_or(str::is_empty) && !first.starts_with("#![doc = include_str!(") {
        found.push(format!(
            "{path}:1: opens without a `//! …` line; every file says its purpose on its first line"
        ));
    }
}

fn is_not_too_long(path: &str, source: &str, found: &mut Vec<String>) {
    let lines = source.lines().count();
    if lines > LONGEST_FILE {
        found.push(format!(
            "{path}: {lines} lines; at most {LONGEST_FILE}: split it by idea"
        ));
    }
}

fn imports_only_from_below(path: &str, tokens: &[Token], found: &mut Vec<String>) {
    let module_path = module_path(path);
    let module = module_path[0];
    let Some(own_layer) = layer_of(module) else {
        found.push(format!(
            "{path}: `{module}` is a new top-level module; place it in LAYERS of tests/house/law.rs \
             (and in docs/architecture.md)"
        ));
        return;
    };
    let below = || LAYERS[..own_layer].concat().join(", ");
    for import in imports(&module_path, tokens) {
        let (name, line) = (import.text.as_str(), import.line);
        match layer_of(name) {
            Some(layer) if layer < own_layer || name == module => {}
            Some(layer) => found.push(format!(
                "{path}:{line}: `{module}` imports `crate::{name}`, which is {}; the law: {module} \
                 imports only [{}]. Move what both need down into one of these, or let `{name}` \
                 (or the composition root, `daemon`) hand it in",
                if layer == own_layer {
                    "a sibling"
                } else {
                    "above it"
                },
                below(),
            )),
            None => found.push(format!(
                "{path}:{line}: imports `crate::{name}`, which is no module of the law; name the \
                 module it lives in, or place a new one in LAYERS of tests/house/law.rs"
            )),
        }
    }
}

/// The first names after the crate's root in every path: `crate::x`, `crate::{x, y::z}`,
/// `super::super::x` where that is the root, and `finstage::x` in the binary.
fn imports(module_path: &[&str], tokens: &[Token]) -> Vec<Token> {
    let mut names = Vec::new();
    let mut inline_modules: Vec<usize> = Vec::new();
    let mut depth = 0;
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    for at in 0..tokens.len() {
        match text(at) {
            "{" => {
                depth += 1;
                if at >= 2 && text(at - 2) == "mod" {
                    inline_modules.push(depth);
                }
            }
            "}" => {
                inline_modules.retain(|opened| *opened != depth);
                depth -= 1;
            }
            "crate" if text(at + 1) == "::" => names.extend(heads(tokens, at + 2)),
            "finstage" if text(at + 1) == "::" && module_path == ["main"] => {
                names.extend(heads(tokens, at + 2));
            }
            "super" if at == 0 || text(at - 1) != "::" => {
                let ups = (0..tokens.len())
                    .take_while(|up| text(at + 2 * up) == "super" && text(at + 2 * up + 1) == "::")
                    .count();
                if ups == module_path.len() + inline_modules.len() {
                    names.extend(heads(tokens, at + 2 * ups));
                }
            }
            _ => {}
        }
    }
    names
}

/// The names at `at`: one, or the first of each path in a `{…}` group. Macros are not modules.
fn heads(tokens: &[Token], at: usize) -> Vec<Token> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    if text(at) != "{" {
        let names = tokens.get(at).filter(|_| text(at + 1) != "!");
        return names.cloned().into_iter().collect();
    }
    let mut names = Vec::new();
    let mut depth = 0;
    for (offset, token) in tokens[at..].iter().enumerate() {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        let opens = offset > 0 && matches!(text(at + offset - 1), "{" | ",");
        if depth == 1 && opens && token.is_word() && token.text != "self" {
            names.push(token.clone());
        }
    }
    names
}

fn uses_the_doors(path: &str, tokens: &[Token], found: &mut Vec<String>) {
    let mut in_use = false;
    for (at, token) in tokens.iter().enumerate() {
        let before = if at == 0 { "" } else { &tokens[at - 1].text };
        let after = tokens.get(at + 1).map_or("", |token| token.text.as_str());
        match token.text.as_str() {
            "use" | "extern" => in_use = true,
            ";" => in_use = false,
            _ => {}
        }
        let Some((name, doors)) = DOORS.iter().find(|(name, _)| *name == token.text) else {
            continue;
        };
        let inside_a_path =
            before == "::" && at >= 2 && tokens[at - 2].is_word() && tokens[at - 2].text != "use";
        let names_it = after == "::" || in_use && matches!(after, ";" | "," | "}" | "as");
        if names_it && !inside_a_path && !is_under(path, doors) {
            found.push(format!(
                "{path}:{}: names the crate `{name}`, whose one door is {}; do it there and offer \
                 a type of our own",
                token.line,
                doors.join(" or ")
            ));
        }
    }
}

fn is_under(path: &str, places: &[&str]) -> bool {
    places
        .iter()
        .any(|place| path == *place || place.ends_with('/') && path.starts_with(place))
}

fn prints_only_in_cli(path: &str, tokens: &[Token], found: &mut Vec<String>) {
    for pair in tokens.windows(2) {
        let (name, line) = (pair[0].text.as_str(), pair[0].line);
        if PRINTING.contains(&name) && pair[1].text == "!" && !is_under(path, PRINTERS) {
            found.push(format!(
                "{path}:{line}: `{name}!`; only {} print: return the text, or emit an event",
                PRINTERS.join(" and ")
            ));
        }
    }
}
