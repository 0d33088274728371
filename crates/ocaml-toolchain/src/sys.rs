//! What depends on the platform: process groups.

use std::process::Command;

/// What to kill to end a child: its group, or the child alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    id: u32,
    /// Whose child it is. One that this process forks has all that this process has, and no right to its children.
    parent: u32,
    #[cfg_attr(
        not(unix),
        expect(dead_code, reason = "there are no process groups here")
    )]
    leads_group: bool,
}

impl Target {
    pub(crate) fn new(id: u32, leads_group: bool) -> Self {
        let parent = std::process::id();
        Self {
            id,
            parent,
            leads_group,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Whether this process started it.
    pub(crate) fn is_own(&self) -> bool {
        self.parent == std::process::id()
    }
}

#[cfg(unix)]
impl Target {
    /// Kill it at once, if it is this process's own. A child that has ended but was not waited for keeps its number, so this
    /// hits nobody else.
    pub(crate) fn kill(&self) {
        use rustix::process::{Pid, Signal, kill_process, kill_process_group};
        if !self.is_own() {
            return;
        }
        let Some(pid) = i32::try_from(self.id).ok().and_then(Pid::from_raw) else {
            return;
        };
        // The only possible failure is that all of it has ended already.
        let _ = if self.leads_group {
            kill_process_group(pid, Signal::KILL)
        } else {
            kill_process(pid, Signal::KILL)
        };
    }
}

#[cfg(unix)]
impl Target {
    /// Whether any of it is still there; a child that ended and was not waited for is.
    pub(crate) fn is_there(&self) -> bool {
        use rustix::process::{Pid, test_kill_process, test_kill_process_group};
        let pid = i32::try_from(self.id).ok().and_then(Pid::from_raw);
        pid.is_some_and(|pid| match self.leads_group {
            true => test_kill_process_group(pid).is_ok(),
            false => test_kill_process(pid).is_ok(),
        })
    }
}

#[cfg(not(unix))]
impl Target {
    /// Nothing: `async-process` kills the child itself when it is dropped.
    pub(crate) fn kill(&self) {}

    /// Unknown.
    pub(crate) fn is_there(&self) -> bool {
        false
    }
}

/// Whether the program runs with the rights of another user or group than its caller's.
pub(crate) fn has_rights_of_another() -> bool {
    #[cfg(unix)]
    {
        use rustix::process::{getegid, geteuid, getgid, getuid};
        getuid() != geteuid() || getgid() != getegid()
    }
    #[cfg(not(unix))]
    false
}

/// Make the child lead a process group of its own.
pub(crate) fn lead_group(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}
