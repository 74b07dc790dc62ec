use std::fmt::Write as _;
use std::path::Path;

use super::*;

const NOW: UnixTime = UnixTime::from_seconds(10_000);

const fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

const FRESH_TOKEN: Validity = Validity {
    renew_at: at(20_000),
    expires: at(20_300),
};
const DUE_TOKEN: Validity = Validity {
    renew_at: at(9_900),
    expires: at(10_200),
};
const SPENT_TOKEN: Validity = Validity {
    renew_at: at(9_900),
    expires: at(10_005),
};
const NEW_TOKEN: Validity = Validity {
    renew_at: at(96_000),
    expires: at(96_300),
};
const WHY: NeedsSignIn = NeedsSignIn::SessionEnded;

const fn signed(validity: Validity, not_before: Option<UnixTime>) -> State {
    State::SignedIn {
        validity,
        not_before,
        replaced: None,
    }
}

fn states() -> Vec<(&'static str, State)> {
    let replaced = |at| State::SignedIn {
        validity: FRESH_TOKEN,
        not_before: None,
        replaced: Some(at),
    };
    let renewing = |refused| State::Renewing {
        validity: DUE_TOKEN,
        refused,
    };
    let needs = Origin::NeedsSignIn { why: WHY };
    vec![
        ("SignedOut", State::SignedOut),
        (
            "Authorizing, from SignedOut",
            State::Authorizing {
                from: Origin::SignedOut,
            },
        ),
        (
            "Authorizing, from NeedsSignIn",
            State::Authorizing { from: needs },
        ),
        (
            "Exchanging, from SignedOut",
            State::Exchanging {
                from: Origin::SignedOut,
            },
        ),
        (
            "Exchanging, from NeedsSignIn",
            State::Exchanging { from: needs },
        ),
        ("SignedIn, token fresh", signed(FRESH_TOKEN, None)),
        ("SignedIn, token due", signed(DUE_TOKEN, None)),
        (
            "SignedIn, token due, renewal postponed",
            signed(DUE_TOKEN, Some(at(10_015))),
        ),
        (
            "SignedIn, token spent, renewal postponed",
            signed(SPENT_TOKEN, Some(at(10_015))),
        ),
        (
            "SignedIn, token due, postponement over",
            signed(DUE_TOKEN, Some(NOW)),
        ),
        (
            "SignedIn, token just replaced a refused one",
            replaced(at(9_990)),
        ),
        (
            "SignedIn, token replaced a refused one long ago",
            replaced(at(9_000)),
        ),
        ("Renewing, token due", renewing(false)),
        ("Renewing, token refused by the mail server", renewing(true)),
        ("NeedsSignIn", State::NeedsSignIn { why: WHY }),
        ("VaultUnavailable", State::VaultUnavailable),
        ("LockedByPerson", State::LockedByPerson),
        ("Sealed", State::Sealed),
    ]
}

fn events() -> Vec<(&'static str, Event)> {
    vec![
        ("Begin", Event::Begin),
        ("CodeArrived", Event::CodeArrived),
        ("AttemptFailed", Event::AttemptFailed),
        (
            "Adopted",
            Event::Adopted {
                validity: NEW_TOKEN,
            },
        ),
        ("TokenWanted", Event::TokenWanted { now: NOW }),
        ("TokenRefused", Event::TokenRefused { now: NOW }),
        (
            "Renewed",
            Event::Renewed {
                now: NOW,
                validity: NEW_TOKEN,
            },
        ),
        (
            "RenewalPostponed",
            Event::RenewalPostponed { until: at(10_015) },
        ),
        ("SessionOver", Event::SessionOver { why: WHY }),
        ("VaultFailed", Event::VaultFailed),
        (
            "Loaded",
            Event::Loaded {
                validity: NEW_TOKEN,
            },
        ),
        ("SignOut", Event::SignOut),
        ("Seal", Event::Seal),
        ("Unseal", Event::Unseal),
        ("Lock", Event::Lock),
        ("Unlock", Event::Unlock),
    ]
}

fn name(state: State) -> &'static str {
    match state {
        State::SignedOut => "SignedOut",
        State::Authorizing { .. } => "Authorizing",
        State::Exchanging { .. } => "Exchanging",
        State::SignedIn {
            not_before: Some(_),
            ..
        } => "SignedIn, renewal postponed",
        State::SignedIn {
            replaced: Some(_), ..
        } => "SignedIn, token replaced a refused one",
        State::SignedIn { .. } => "SignedIn",
        State::Renewing { .. } => "Renewing",
        State::NeedsSignIn { .. } => "NeedsSignIn",
        State::VaultUnavailable => "VaultUnavailable",
        State::LockedByPerson => "LockedByPerson",
        State::Sealed => "Sealed",
    }
}

fn table() -> String {
    let mut page = String::from(
        "# The session machine\n\n\
         What can happen to one account's sign-in and what is done then. Printed by a test of\n\
         `mail-auth` from `session/machine.rs` and compared with it: to change this page, change\n\
         the machine and run the test with `BRAID_WRITE_DOCS=1`.\n\n\
         A token is *due* when it has less than five minutes left (or less than half its life),\n\
         and *spent* ten seconds before its end. What is not listed under a state is refused\n\
         there and changes nothing.\n",
    );
    for (label, state) in states() {
        write!(
            page,
            "\n## {label}\n\n| Event | Becomes | What is done |\n|---|---|---|\n"
        )
        .unwrap();
        let mut refused = Vec::new();
        for (event_name, event) in events() {
            match step(state, event) {
                Ok((next, effects)) => {
                    let next = if next == state { "stays" } else { name(next) };
                    let effects: Vec<_> = effects.iter().map(|e| format!("{e:?}")).collect();
                    writeln!(page, "| {event_name} | {next} | {} |", effects.join(", ")).unwrap();
                }
                Err(Refused) => refused.push(event_name),
            }
        }
        writeln!(page, "\nRefused: {}.", refused.join(", ")).unwrap();
    }
    page
}

#[test]
fn the_printed_table_is_the_machine() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/session-machine.md");
    let table = table();
    if std::env::var_os("BRAID_WRITE_DOCS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == table,
        "docs/session-machine.md is out of date; run this test with BRAID_WRITE_DOCS=1"
    );
}

#[test]
fn no_state_is_a_dead_end_and_every_one_can_be_reached() {
    let mut reached = vec![State::SignedOut];
    let mut index = 0;
    while let Some(state) = reached.get(index).copied() {
        for (_, event) in events() {
            if let Ok((next, _)) = step(state, event)
                && !reached.contains(&next)
            {
                reached.push(next);
            }
        }
        index += 1;
    }
    for wanted in [
        "SignedOut",
        "Authorizing",
        "Exchanging",
        "SignedIn",
        "Renewing",
        "NeedsSignIn",
        "VaultUnavailable",
        "LockedByPerson",
        "Sealed",
    ] {
        assert!(reached.iter().any(|s| name(*s) == wanted), "{wanted}");
    }
    for state in reached {
        let leaves = events().iter().any(
            |(_, event)| matches!(step(state, *event), Ok((next, _)) if name(next) != name(state)),
        );
        assert!(leaves, "{state:?}");
    }
}

#[test]
fn a_renewal_starts_only_where_none_is_under_way() {
    for (label, state) in states() {
        for (_, event) in events() {
            let Ok((next, effects)) = step(state, event) else {
                continue;
            };
            if effects.contains(&Effect::Renew) {
                assert!(!matches!(state, State::Renewing { .. }), "{label}");
                assert!(matches!(next, State::Renewing { .. }), "{label}");
            }
        }
    }
}

#[test]
fn leaving_a_renewal_always_answers_those_who_wait() {
    for (label, state) in states() {
        for (event_name, event) in events() {
            if let Ok((next, effects)) = step(state, event)
                && matches!(state, State::Renewing { .. })
                && !matches!(next, State::Renewing { .. })
            {
                assert!(
                    effects.contains(&Effect::AnswerWaiting),
                    "{label} {event_name}"
                );
            }
        }
    }
}

#[test]
fn credentials_are_used_only_after_they_are_stored() {
    // These three events are sent after a write has succeeded, and nothing else may use them.
    for (label, state) in states() {
        for (event_name, event) in events() {
            if let Ok((_, effects)) = step(state, event)
                && effects.contains(&Effect::UseCredentials)
            {
                assert!(
                    matches!(
                        event,
                        Event::Adopted { .. } | Event::Renewed { .. } | Event::Loaded { .. }
                    ),
                    "{label} {event_name}"
                );
            }
        }
    }
}

#[test]
fn a_failed_attempt_goes_back_to_where_it_began() {
    for from in [State::SignedOut, State::NeedsSignIn { why: WHY }] {
        let (authorizing, _) = step(from, Event::Begin).unwrap();
        assert_eq!(step(authorizing, Event::AttemptFailed).unwrap().0, from);
        let (exchanging, _) = step(authorizing, Event::CodeArrived).unwrap();
        assert_eq!(step(exchanging, Event::AttemptFailed).unwrap().0, from);
    }
}

#[test]
fn a_short_lived_token_is_renewed_at_half_its_life() {
    let token = Validity::from(NOW, at(10_060));
    assert_eq!(token.renew_at, at(10_030));
    let day = Validity::from(NOW, at(10_000 + 86_400));
    assert_eq!(day.renew_at, at(10_000 + 86_400 - 300));
    let past = Validity::from(NOW, at(9_000));
    assert_eq!(past.renew_at, at(9_000));
}

#[test]
fn an_account_that_is_locked_or_put_aside_has_neither_credentials_nor_key() {
    for (label, state) in states() {
        for (event_name, event) in events() {
            let Ok((next, effects)) = step(state, event) else {
                continue;
            };
            let held = |state| matches!(state, State::LockedByPerson | State::Sealed);
            if held(next) && next != state && !(held(state)) {
                for forgotten in [
                    Effect::ForgetCredentials,
                    Effect::ForgetKey,
                    Effect::AnswerWaiting,
                ] {
                    assert!(effects.contains(&forgotten), "{label} {event_name}");
                }
            }
            if held(state) {
                for never in [Effect::Renew, Effect::GiveToken, Effect::UseCredentials] {
                    assert!(!effects.contains(&never), "{label} {event_name}");
                }
            }
        }
    }
}

#[test]
fn only_the_person_unlocks_what_the_person_has_locked() {
    let locked = State::LockedByPerson;
    for (event_name, event) in events() {
        let leaves = step(locked, event).is_ok_and(|(next, _)| next != locked);
        let by_person = matches!(event, Event::Unlock | Event::SignOut | Event::Seal);
        assert_eq!(leaves, by_person, "{event_name}");
    }
}
