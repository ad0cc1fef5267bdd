//! What the README shows is what is there.

const README: &str = include_str!("../README.md");

/// A program without the words about it.
fn code(program: &str) -> String {
    let lines = program.lines().filter(|line| !line.starts_with("//!"));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[test]
fn its_programs_are_the_examples() {
    for program in [include_str!("examples/echo_client.rs"), include_str!("examples/echo_server.rs")] {
        assert!(README.contains(&code(program)), "the README does not hold\n{}", code(program));
    }
}

#[test]
fn its_crate_counts_are_those_of_the_budget() {
    let rows: Vec<Vec<&str>> = README
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    for budget in include_str!("dependency_budget.txt").lines().filter(|line| !line.starts_with('#')) {
        let Some((count, feature)) = budget.split_once(' ').filter(|(_, feature)| *feature != "all") else {
            continue;
        };
        let quoted = format!("`{feature}`");
        let is_stated = rows.iter().any(|row| {
            let named = row[0] == feature || row[0].contains(&quoted);
            named && row.last().is_some_and(|counts| counts.split(", ").any(|stated| stated == count))
        });
        assert!(is_stated, "no row says that {feature} brings {count} crates");
    }
}

#[cfg(feature = "cli")]
#[test]
fn its_table_names_every_row_of_the_audit() {
    let refused = std::process::Command::new(env!("CARGO_BIN_EXE_wirepath"))
        .args(["audit", "--rows", "no-such-row"])
        .output()
        .unwrap();
    let message = String::from_utf8(refused.stderr).unwrap();
    let (_, names) = message.trim().rsplit_once("the rows are ").unwrap();
    for name in names.split(", ") {
        assert!(README.contains(&format!("\n| `{name}` |")), "no row for {name}");
    }
}
