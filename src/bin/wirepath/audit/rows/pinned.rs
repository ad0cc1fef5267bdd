//! Processes held on one core while they are measured.
//!
//! Left alone, the scheduler sometimes puts both ends of a connection on one core and sometimes on two, where every
//! call waits for an idle core to wake: ten times as long, for reasons that have nothing to do with the transport.
//! On one core what is left is the work itself.

use std::{fs, io};

use rustix::{
    process::Pid,
    thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity},
};

/// Processes on one core, until this is dropped.
pub(super) struct Pinned {
    core: usize,
    before: Vec<(u32, CpuSet)>,
}

impl Pinned {
    /// Moves all threads of the processes to the core that this thread runs on.
    pub(super) fn together(processes: &[u32]) -> io::Result<Self> {
        let mut pinned = Self { core: sched_getcpu(), before: Vec::new() };
        let mut core = CpuSet::new();
        core.set(pinned.core);
        for &process in processes {
            pinned.before.push((process, sched_getaffinity(pid_of(process))?));
            allow(process, &core)?;
        }
        Ok(pinned)
    }

    /// The number of the core.
    pub(super) fn core(&self) -> usize {
        self.core
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        for (process, cores) in &self.before {
            // A process that is gone needs no cores.
            let _ = allow(*process, cores);
        }
    }
}

/// Lets all threads that a process has now run on `cores`.
fn allow(process: u32, cores: &CpuSet) -> io::Result<()> {
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let thread = task?.file_name().to_str().and_then(|id| id.parse().ok()).and_then(pid_of);
        match sched_setaffinity(thread, cores) {
            // The thread ended meanwhile.
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn pid_of(process: u32) -> Option<Pid> {
    i32::try_from(process).ok().and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_given_back() -> io::Result<()> {
        let own = std::process::id();
        let before = sched_getaffinity(pid_of(own))?;
        let pinned = Pinned::together(&[own])?;
        assert_eq!(sched_getaffinity(pid_of(own))?.count(), 1);
        assert!(sched_getaffinity(pid_of(own))?.is_set(pinned.core()));
        drop(pinned);
        assert_eq!(sched_getaffinity(pid_of(own))?.count(), before.count());
        Ok(())
    }
}
