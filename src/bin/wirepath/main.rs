//! The `wirepath` command.
#![forbid(unsafe_code)]
#![allow(dead_code, unused_imports)]

mod audit;

fn main() -> std::io::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("audit-hold-stdin") {
        return audit::rows::hold_stdin();
    }
    let dir = std::env::temp_dir().join(format!("wirepath-rows-{}", std::process::id()));
    std::fs::DirBuilder::new().create(&dir)?;
    std::fs::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let bench = audit::rows::Bench::new(&dir, || {
        let mut command = std::process::Command::new(std::env::current_exe()?);
        command.arg("audit-hold-stdin");
        Ok(command)
    });
    for experiment in audit::rows::EXPERIMENTS {
        let row = experiment.row(&bench);
        println!(
            "{:2} {}: {}\n   tcp   {}\n   unix  {}\n   tried {}",
            row.row, experiment.title, row.verdict, row.tcp, row.unix, row.experiment
        );
    }
    std::fs::remove_dir_all(&dir)
}
