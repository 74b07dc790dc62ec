//! Named places at which a test ends the process, as a power switch or the system would.
//!
//! Compiled only with the feature `crash-points`, which no program that is shipped has; without
//! it the macro is nothing. The list is complete: a name that is not on it does not compile, and
//! a test passes every name on it.

/// Ends the process here if the test wants it.
macro_rules! crash_point {
    ($name:literal) => {{
        #[cfg(feature = "crash-points")]
        {
            const { assert!($crate::crash_points::is_listed($name)) }
            $crate::crash_points::pass($name);
        }
    }};
}
pub(crate) use crash_point;

#[cfg(feature = "crash-points")]
pub use listed::{AT, COUNT, POINTS};
#[cfg(feature = "crash-points")]
pub(crate) use listed::{is_listed, pass};

#[cfg(feature = "crash-points")]
mod listed {
    use std::collections::BTreeMap;
    use std::io::Write as _;
    use std::sync::{Mutex, OnceLock, PoisonError};

    /// Environment variable with the place to end at and its how many-th pass: `name#2`.
    pub const AT: &str = "BRAID_CRASH_AT";
    /// Environment variable with a file to which every pass adds the name of its place.
    pub const COUNT: &str = "BRAID_CRASH_COUNT";

    /// Every place, in about the order of an account's life.
    pub const POINTS: &[&str] = &[
        "folder.locked",
        "file.created",
        "migration.begin",
        "migration.step",
        "migration.end",
        "open.examined",
        "open.local",
        "open.mail",
        "open.body",
        "open.search",
        "open.intents",
        "open.bodies",
        "mail.begun",
        "mail.written",
        "mail.committed",
        "bodies.written",
        "bodies.committed",
        "forget.read",
        "forget.body",
        "forget.done",
        "index.written",
        "index.settled",
        "sweep.begun",
        "sweep.ended",
        "intent.written",
        "intent.committed",
        "intent.shown",
        "intent.ending",
        "intent.unmirrored",
        "intent.deleted",
        "setting.put",
        "writer.closed",
        "suspect.noted",
        "suspect.settled",
        "aside.wal",
        "aside.shm",
        "aside.file",
        "salvage.copied",
        "salvage.read",
        "salvage.built",
        "salvage.aside",
        "salvage.done",
        "registry.written",
        "registry.placing",
        "registry.placed",
        "registry.journal",
        "registry.removed",
        "relocate.locked",
        "relocate.ready",
        "relocate.renamed",
        "relocate.synced",
        "remove.locked",
        "remove.renamed",
        "remove.deleted",
    ];

    /// Whether a name is on the list; looked at while compiling.
    pub(crate) const fn is_listed(name: &str) -> bool {
        let mut rest = POINTS;
        while let [first, others @ ..] = rest {
            if is_same(first.as_bytes(), name.as_bytes()) {
                return true;
            }
            rest = others;
        }
        false
    }

    const fn is_same(mut a: &[u8], mut b: &[u8]) -> bool {
        while let ([first, others @ ..], [second, rest @ ..]) = (a, b) {
            if *first != *second {
                return false;
            }
            (a, b) = (others, rest);
        }
        a.is_empty() && b.is_empty()
    }

    /// Passes a place.
    pub(crate) fn pass(name: &'static str) {
        static WANTED: OnceLock<Option<String>> = OnceLock::new();
        static PASSES: Mutex<BTreeMap<&str, u32>> = Mutex::new(BTreeMap::new());
        if let Some(file) = std::env::var_os(COUNT) {
            let file = std::fs::File::options()
                .append(true)
                .create(true)
                .open(file);
            // A pass that is not noted makes the test fail, which is all there is to say.
            drop(file.and_then(|mut file| writeln!(file, "{name}")));
        }
        let wanted = WANTED.get_or_init(|| std::env::var(AT).ok());
        let Some(wanted) = wanted else { return };
        let mut passes = PASSES.lock().unwrap_or_else(PoisonError::into_inner);
        let pass = passes.entry(name).or_default();
        *pass += 1;
        if *wanted == format!("{name}#{pass}") {
            end();
        }
    }

    /// The end that no code of the process notices.
    fn end() -> ! {
        let me = std::process::id().to_string();
        loop {
            let killed = std::process::Command::new("sh")
                .args(["-c", "kill -9 \"$0\"", &me])
                .status();
            drop(killed);
            std::thread::yield_now();
        }
    }
}
