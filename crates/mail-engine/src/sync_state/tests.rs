use std::fmt::Write as _;

use super::*;

const SOON: Moment = Moment::from_millis(1_000);

fn states() -> Vec<(&'static str, State)> {
    vec![
        ("Idle", State::Idle),
        ("Connecting", State::Connecting { tries: 2 }),
        (
            "CatchingUp",
            State::CatchingUp {
                done: 1,
                of: Some(9),
                tries: 2,
            },
        ),
        ("Watching", State::Watching),
        (
            "Offline",
            State::Offline {
                retry_at: SOON,
                tries: 2,
            },
        ),
        (
            "Waiting (time named by the server)",
            State::Waiting {
                until: SOON,
                tries: 2,
                asked: true,
            },
        ),
        (
            "Waiting (own back-off)",
            State::Waiting {
                until: SOON,
                tries: 2,
                asked: false,
            },
        ),
        ("Blocked", State::Blocked(Block::SignInNeeded)),
        ("Paused", State::Paused),
        ("Stopping", State::Stopping),
    ]
}

fn events() -> Vec<(&'static str, Event)> {
    vec![
        ("Start", Event::Start),
        ("Woken", Event::Woken),
        ("Hinted", Event::Hinted),
        ("TimeUp", Event::TimeUp),
        ("Answered", Event::Answered),
        (
            "Advanced",
            Event::Advanced {
                done: 5,
                of: Some(9),
                lasting: true,
            },
        ),
        (
            "Advanced, to be repeated after a failure",
            Event::Advanced {
                done: 5,
                of: Some(9),
                lasting: false,
            },
        ),
        ("Finished", Event::Finished),
        ("Lost", Event::Lost { retry_at: SOON }),
        (
            "Busy",
            Event::Busy {
                until: SOON,
                asked: true,
            },
        ),
        (
            "Barred",
            Event::Barred {
                block: Block::SignInNeeded,
                look_at: None,
            },
        ),
        (
            "Barred, worth a look later",
            Event::Barred {
                block: Block::DiskFull,
                look_at: Some(SOON),
            },
        ),
        ("Pause", Event::Pause),
        ("Resume", Event::Resume),
        ("Stop", Event::Stop),
    ]
}

fn describe(state: &State) -> String {
    match state {
        State::Idle => "Idle".into(),
        State::Connecting { tries } => format!("Connecting, {}", count(*tries)),
        State::CatchingUp { done, tries, .. } => {
            format!("CatchingUp, {done} fetched, {}", count(*tries))
        }
        State::Watching => "Watching".into(),
        State::Offline { tries, .. } => format!("Offline, {}", count(*tries)),
        State::Waiting { tries, .. } => format!("Waiting, {}", count(*tries)),
        State::Blocked(block) => format!("Blocked({block:?})"),
        State::Paused => "Paused".into(),
        State::Stopping => "Stopping".into(),
    }
}

fn count(tries: u32) -> String {
    format!("{tries} failed")
}

fn describe_effect(effect: &Effect) -> String {
    match effect {
        Effect::SetTimer(_) => "SetTimer".into(),
        other => format!("{other:?}"),
    }
}

fn table() -> String {
    let mut text = String::from(
        "# Sync machine of one account\n\n\
         Printed by a test from `crates/mail-engine/src/sync_state.rs`; \
         write it anew with `BRAID_WRITE_DOCS=1`.\n\n\
         Every state below begins with two failed rounds in a row where it counts them. \
         Events that are not listed change nothing.\n",
    );
    for (name, state) in states() {
        writeln!(text, "\n## {name}\n").unwrap();
        let mut rows = String::new();
        for (event_name, event) in events() {
            let (next, effects) = step(state.clone(), event);
            if next == state && effects.is_empty() {
                continue;
            }
            let effects: Vec<_> = effects.iter().map(describe_effect).collect();
            writeln!(
                rows,
                "| {event_name} | {} | {} |",
                describe(&next),
                effects.join(", ")
            )
            .unwrap();
        }
        if rows.is_empty() {
            text.push_str("Nothing changes it.\n");
        } else {
            text.push_str("| Event | Next state | Effects |\n|---|---|---|\n");
            text.push_str(&rows);
        }
    }
    text
}

#[test]
fn the_table_in_the_docs_is_the_code() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sync-machine.md");
    let table = table();
    if std::env::var_os("BRAID_WRITE_DOCS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        kept.replace("\r\n", "\n"),
        table,
        "run with BRAID_WRITE_DOCS=1"
    );
}

#[test]
fn stopping_is_final_and_closes_what_is_open() {
    for (_, state) in states() {
        let (next, effects) = step(state.clone(), Event::Stop);
        assert_eq!(next, State::Stopping);
        assert_eq!(effects.contains(&Effect::Finish), state != State::Stopping);
        for (_, event) in events() {
            assert_eq!(step(State::Stopping, event), (State::Stopping, vec![]));
        }
    }
}

#[test]
fn a_paused_account_begins_nothing_until_it_is_resumed() {
    for (name, state) in states() {
        if state == State::Stopping {
            continue;
        }
        let (paused, effects) = step(state, Event::Pause);
        assert_eq!(paused, State::Paused, "{name}");
        for begins in [Effect::BeginRound, Effect::OpenPush] {
            assert!(!effects.contains(&begins), "{name}");
        }
    }
    for (name, event) in events() {
        let (next, effects) = step(State::Paused, event.clone());
        let begins = effects.contains(&Effect::BeginRound);
        assert_eq!(begins, event == Event::Resume, "{name}");
        assert!(!effects.contains(&Effect::OpenPush), "{name}");
        let leaves = matches!(event, Event::Resume | Event::Stop);
        assert_eq!(next != State::Paused, leaves, "{name}");
    }
}

#[test]
fn every_state_that_waits_can_be_left_without_a_restart() {
    let timed = [
        State::Offline {
            retry_at: SOON,
            tries: 1,
        },
        State::Waiting {
            until: SOON,
            tries: 1,
            asked: true,
        },
        State::Blocked(Block::DiskFull),
    ];
    for state in timed {
        let (_, effects) = step(state.clone(), Event::TimeUp);
        assert!(effects.contains(&Effect::BeginRound), "{state:?}");
    }
}

#[test]
fn failures_are_counted_until_something_was_fetched() {
    let (offline, _) = step(
        State::Connecting { tries: 3 },
        Event::Lost { retry_at: SOON },
    );
    assert_eq!(offline.tries(), 4);
    let (again, _) = step(offline, Event::TimeUp);
    let (answered, _) = step(again, Event::Answered);
    assert_eq!(answered.tries(), 4, "an answer alone is no progress");
    let advanced = |lasting| Event::Advanced {
        done: 1,
        of: None,
        lasting,
    };
    let (repeated, _) = step(answered, advanced(false));
    assert_eq!(repeated.tries(), 4, "what has to be fetched again neither");
    let (kept, _) = step(repeated, advanced(true));
    assert_eq!(kept.tries(), 0);
}

#[test]
fn a_person_cannot_cut_short_what_the_server_asked_for() {
    let asked = State::Waiting {
        until: SOON,
        tries: 1,
        asked: true,
    };
    assert_eq!(step(asked.clone(), Event::Woken), (asked, vec![]));
    let own = State::Waiting {
        until: SOON,
        tries: 1,
        asked: false,
    };
    assert_eq!(step(own, Event::Woken).0, State::Connecting { tries: 0 });
}

#[test]
fn a_quiet_check_does_not_look_like_work() {
    let (state, effects) = step(State::Watching, Event::TimeUp);
    assert_eq!(state, State::Watching);
    assert!(effects.contains(&Effect::BeginRound));
}
