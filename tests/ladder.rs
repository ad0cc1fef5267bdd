//! What of the ladder (`benches/`) can be wrong without a race: its command line, its statistics, its report, and that its
//! peers are built from what we are built from. The bench itself has no test harness.

#![allow(dead_code)]

#[path = "../benches/load/mod.rs"]
mod load;
#[path = "../benches/race/mod.rs"]
mod race;

use load::cell::named;
use load::sample::Sample;
use race::options::{Options, UsageError, Wish};
use race::report::{Format, Report};
use race::statistics::Summary;
use race::{Duel, Pair};

fn wish(args: &[&str]) -> Result<Wish, UsageError> {
    Wish::from_args(args.iter().map(|arg| arg.to_string()))
}

fn options(args: &[&str]) -> Options {
    match wish(args) {
        Ok(Wish::Race(options)) => options,
        other => panic!("{args:?} gave {other:?}"),
    }
}

#[test]
fn seven_rounds_of_everything_by_default() {
    let expected = Options { cell: String::new(), peer: String::new(), rounds: 7, format: Format::Table };
    assert_eq!(options(&[]), expected);
    assert_eq!(options(&["--bench"]), expected);
}

#[test]
fn values_follow_their_flag_or_are_attached() {
    let expected = Options { cell: "x 64".into(), peer: "tonic".into(), rounds: 3, format: Format::Json };
    assert_eq!(
        options(&["--cell", "x 64", "--peer", "tonic", "--rounds", "3", "--json", "--bench"]),
        expected
    );
    assert_eq!(options(&["--json", "--rounds=3", "--peer=tonic", "--cell=x 64"]), expected);
}

#[test]
fn help_is_not_an_error() {
    assert_eq!(wish(&["--rounds", "3", "--help"]), Ok(Wish::Help));
    assert_eq!(wish(&["-h"]), Ok(Wish::Help));
}

#[test]
fn a_usage_error_is_one_line_with_input_and_way_out() {
    let table: [(&[&str], &str); 11] = [
        (&["--rouns", "3"], "unknown argument \"--rouns\", see --help"),
        (&["x 64"], "unknown argument \"x 64\", see --help"),
        (&["--json=1"], "unknown argument \"--json\", see --help"),
        (&["--rounds"], "--rounds needs a value, see --help"),
        (&["--rounds", "0"], "--rounds \"0\": a number from 1 to 1000 is expected"),
        (&["--rounds", "1001"], "--rounds \"1001\": a number from 1 to 1000 is expected"),
        (&["--rounds", "-1"], "--rounds \"-1\": a number from 1 to 1000 is expected"),
        (&["--rounds", "many\n"], "--rounds \"many\\n\": a number from 1 to 1000 is expected"),
        (&["--cell"], "--cell needs a value, see --help"),
        (
            &["--cell", "2 KiB"],
            "--cell \"2 KiB\": in none of the names \"unary 128 B x 1\", \"unary 128 B x 1, one core\", \
             \"unary 128 B x 64\", \"unary 64 KiB x 8\", \"server stream 128 B\"",
        ),
        (
            &["--peer", "wirepath"],
            "--peer \"wirepath\": in none of the names \"raw socket\", \"bare h2\", \
             \"tonic current_thread\", \"tonic multi_thread\"",
        ),
    ];
    for (args, line) in table {
        assert_eq!(wish(args).map_err(|error| error.to_string()), Err(line.to_owned()));
    }
}

#[test]
fn the_median_is_the_middle_one_or_the_mean_of_two() {
    let table: [(&[f64], [f64; 3]); 4] = [
        (&[2.0], [2.0, 2.0, 2.0]),
        (&[3.0, 1.0], [1.0, 2.0, 3.0]),
        (&[9.0, 1.0, 2.0], [1.0, 2.0, 9.0]),
        (&[4.0, 1.0, 8.0, 2.0], [1.0, 3.0, 8.0]),
    ];
    for (values, [low, median, high]) in table {
        assert_eq!(Summary::of(values.iter().copied()), Summary { low, median, high });
    }
}

#[test]
fn nothing_sums_up_to_nothing() {
    assert!(Summary::of([]).median.is_nan());
}

fn sample(rate: f64) -> Sample {
    Sample { rate, client_cpu: 6.125, server_cpu: f64::NAN }
}

fn told(format: Format) -> String {
    let pairs = [(200.0, 100.0), (90.0, 100.0), (240.0, 96.0)]
        .map(|(ours, theirs)| Pair { ours: sample(ours), theirs: sample(theirs) });
    let cell = named("unary 128 B x 64").expect("a cell of the ladder");
    let mut out = Vec::new();
    let mut report = Report::new(&mut out, format, 3).expect("a vector takes everything");
    report.cell(cell, &[Duel { peer: "bare h2", pairs: pairs.into() }]).expect("a vector takes everything");
    String::from_utf8(out).expect("reports are text")
}

#[test]
fn json_is_one_object_for_a_cell_and_a_peer() {
    assert_eq!(
        told(Format::Json),
        "{\"cell\":\"unary 128 B x 64\",\"peer\":\"bare h2\",\"ratio\":2.00,\"low\":0.900,\"high\":2.50,\"rounds\":3}\n"
    );
}

#[test]
fn the_table_shows_rates_ratios_and_cpu_of_both_sides() {
    let expected = "\
ratio: wirepath's rate over the peer's, median of 3 paired runs [least-greatest]; CPU: µs for one call or message

unary 128 B x 64               calls/s   ratio                  client CPU server CPU
  wirepath                         200                                6.12          ?
  bare h2                          100    2.00 [0.900-2.50]           6.12          ?
";
    assert_eq!(told(Format::Table), expected);
}

#[test]
fn a_sample_survives_the_pipe() {
    let sample = Sample { rate: 128_412.25, client_cpu: 6.1, server_cpu: 6.7 };
    assert_eq!(sample.to_string().parse(), Ok(sample));
}

#[test]
fn a_peer_that_carried_nothing_is_no_sample() {
    for line in ["", "0 NaN NaN", "NaN 1 1", "1 2", "1 2 3 4", "1 2 x"] {
        assert!(line.parse::<Sample>().is_err(), "{line:?}");
    }
}

#[test]
fn the_peers_link_the_same_versions_as_we_do() {
    let ours = include_str!("../Cargo.lock");
    let theirs = include_str!("../benches/peers/Cargo.lock");
    for package in ["bytes", "h2", "http", "prost", "tokio"] {
        assert_eq!(version(ours, package), version(theirs, package), "{package}");
    }
}

fn version<'a>(lock: &'a str, package: &str) -> &'a str {
    let (_, after) =
        lock.split_once(&format!("name = \"{package}\"\nversion = \"")).expect("a locked package");
    after.split('"').next().expect("a version")
}
