//! What the README promises is there.

const README: &str = include_str!("../../README.md");

#[test]
fn the_two_commands_of_the_readme_are_the_ones_that_are_tested() {
    assert!(README.contains("\ncargo run -- run --simulate\n"));
    assert!(README.contains("\nscripts/check\n"));
    let ci = include_str!("../../.ci/run");
    assert!(ci.lines().any(|line| line == "exec scripts/check"));
}

#[test]
fn every_verb_is_in_the_readme() {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_finstage"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let verbs: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.split_ascii_whitespace().next())
        .filter(|verb| *verb != "help")
        .collect();
    assert!(verbs.len() >= 11, "{help}");
    for verb in verbs {
        assert!(
            README.contains(&format!("`{verb}")),
            "the README does not mention `{verb}`"
        );
    }
}

#[test]
fn the_readmes_first_start_shows_every_schedule_of_the_shipped_file() {
    let shipped = include_str!("../../schedules.toml");
    let names = shipped.lines().filter_map(|line| {
        let name = line.strip_prefix("[schedules.")?;
        name.strip_suffix(']')
    });
    let names: Vec<&str> = names.collect();
    let sample = |command: &str| {
        let (_, shown) = README
            .split_once(&format!("$ finstage {command}\n"))
            .unwrap();
        let lines = shown
            .lines()
            .take_while(|line| !line.is_empty() && *line != "```");
        lines.skip(1).collect::<Vec<_>>()
    };
    for command in ["runs", "list"] {
        let lines = sample(command);
        assert_eq!(lines.len(), names.len(), "{command}: {lines:#?}");
        for name in &names {
            let count = lines
                .iter()
                .filter(|line| {
                    line.split_ascii_whitespace()
                        .take(2)
                        .any(|word| word == *name)
                })
                .count();
            assert_eq!(count, 1, "`{name}` in the sample of `finstage {command}`");
        }
    }
}
