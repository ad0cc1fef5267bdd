//! Building `benches/peers`: tonic and what it brings are compiled for this bench only, never for who tests the crate.

use std::env;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::load::Failure;

/// Builds the peers' program as the bench itself is built and returns its path.
pub(crate) fn peers() -> Result<PathBuf, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers");
    let target = folder.join("target");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let watched = io::stderr().is_terminal();
    let built = Command::new(&cargo)
        .args(["build", "--release", "--locked", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .env_remove("CARGO_BUILD_TARGET")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(if watched { Stdio::inherit() } else { Stdio::piped() })
        .spawn()
        .and_then(|cargo| cargo.wait_with_output())
        .map_err(|error| format!("cannot start {}: {error}", cargo.display()))?;
    if !built.status.success() {
        let said = String::from_utf8_lossy(&built.stderr);
        return Err(format!(
            "{said}benches/peers does not build ({}), so there is nothing to compare with; its crates come from the \
             registry, `cargo fetch --manifest-path benches/peers/Cargo.toml` fetches them",
            built.status
        )
        .into());
    }
    Ok(target.join("release").join("wirepath-ladder-peers"))
}
