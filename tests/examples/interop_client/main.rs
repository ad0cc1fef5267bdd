//! The client of gRPC's interop tests: one case per run.
//!
//! It exits with 0 only when everything that the case demands was seen; with 1 and one line that says what differed;
//! with 2 and one line for a wrong flag.

mod cases;
mod flags;
#[path = "../interop_shared.rs"]
mod interop_shared;
#[path = "../official_flags.rs"]
mod official_flags;

use std::{env, process::ExitCode};

use self::flags::Asked;

#[tokio::main]
async fn main() -> ExitCode {
    let asked = match Asked::parse(env::args_os()) {
        Ok(asked) => asked,
        Err(line) => {
            eprintln!("interop-client: {line}");
            return ExitCode::from(2);
        }
    };
    let Asked { test_case, soak, .. } = &asked;
    match test_case.run(asked.connect(), soak).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(difference) => {
            eprintln!("interop-client: {test_case}: {difference}");
            ExitCode::FAILURE
        }
    }
}
