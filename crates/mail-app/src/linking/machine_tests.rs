use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use super::*;

const WHY: LinkTrouble = LinkTrouble::Unexpected;

fn states() -> Vec<State> {
    let mut all = vec![State::Checking, State::Blocked];
    for side in [LinkSide::Kept, LinkSide::SetAside] {
        for then in [Then::Direction, Then::Confirm] {
            all.push(State::Proving { side, then });
        }
    }
    all.extend([
        State::Direction,
        State::Counting,
        State::Preview,
        State::Settling,
        State::Export,
        State::Exporting,
        State::Exported,
        State::Confirm,
        State::Sealing,
        State::Asking,
        State::Looking,
        State::Closing,
        State::Done,
        State::NotChanged,
        State::Unknown,
        State::Undoing,
        State::Over,
    ]);
    all
}

fn events() -> Vec<Event> {
    let mut all = vec![
        Event::Eligible {
            kept_is_fresh: true,
        },
        Event::Eligible {
            kept_is_fresh: false,
        },
        Event::Ineligible(LinkTrouble::Forbidden),
        Event::Proved(LinkSide::Kept),
        Event::Proved(LinkSide::SetAside),
    ];
    for why in [
        LinkTrouble::SamePerson,
        LinkTrouble::WrongPerson,
        LinkTrouble::NotFinished,
        LinkTrouble::AlreadyOpens,
        LinkTrouble::LinkedByItself,
        LinkTrouble::Forbidden,
        LinkTrouble::SignInUnclear,
    ] {
        all.push(Event::NotProved(why));
    }
    all.extend([
        Event::Swap,
        Event::GoOn { understood: false },
        Event::GoOn { understood: true },
        Event::Back,
        Event::LookAgain,
        Event::Counted,
        Event::CannotCount,
        Event::Settle,
        Event::Settled { all: true },
        Event::Settled { all: false },
        Event::Export,
        Event::Copied { whole: true },
        Event::Copied { whole: false },
        Event::NotCopied(LinkTrouble::NoSpace),
        Event::Confirm { typed: true },
        Event::Confirm { typed: false },
        Event::ProofOver(LinkSide::Kept),
        Event::ProofOver(LinkSide::SetAside),
        Event::Changed,
        Event::NotReady(LinkTrouble::NotSettled),
        Event::NotReady(LinkTrouble::ExportIncomplete),
        Event::NotReady(LinkTrouble::AlreadyOpens),
        Event::NotReady(LinkTrouble::SignInUnclear),
        Event::NotReady(LinkTrouble::Offline),
        Event::Sealed,
        Event::NotSealed(LinkTrouble::Keyring),
        Event::Accepted,
        Event::Refused(LinkTrouble::Forbidden),
        Event::OtherWay,
        Event::NotAsked(LinkTrouble::Offline),
        Event::Unclear(LinkTrouble::NoAnswer),
        Event::Present,
        Event::Absent(LinkTrouble::NoAnswer),
        Event::CannotTell(LinkTrouble::NotShownYet),
        Event::NotUndone(LinkTrouble::NotBack),
        Event::Undone(LinkTrouble::Keyring),
        Event::Closed { ended: true },
        Event::Closed { ended: false },
        Event::NotClosed,
        Event::Cancel,
    ]);
    all
}

/// Everything settled, counted, and copied.
const READY: Facts = Facts {
    unsettled: false,
    at_least: false,
    several: false,
    copied: true,
    gaps: false,
    declined: false,
};

fn facts() -> Vec<Facts> {
    let mut all = Vec::new();
    for bits in 0..64_u8 {
        let bit = |n: u8| bits & (1 << n) != 0;
        all.push(Facts {
            unsettled: bit(0),
            at_least: bit(1),
            several: bit(2),
            copied: bit(3),
            gaps: bit(4),
            declined: bit(5),
        });
    }
    all
}

/// Whether the mailbox is, or may be, sealed in that state.
fn is_begun(state: State) -> bool {
    matches!(
        state,
        State::Sealing
            | State::Asking
            | State::Looking
            | State::Closing
            | State::Unknown
            | State::Undoing
    )
}

#[test]
fn everything_can_be_given_up_before_it_is_begun_and_nothing_after() {
    for state in states() {
        let taken = step(state, Event::Cancel, READY);
        if is_begun(state) || state == State::Over {
            assert_eq!(taken, None, "{state:?}");
        } else {
            assert_eq!(taken.unwrap().state, State::Over, "{state:?}");
        }
        assert_eq!(
            may_be_cancelled(state),
            taken.is_some(),
            "the page and the machine agree on {state:?}"
        );
    }
}

#[test]
fn the_service_is_asked_only_when_the_mailbox_is_sealed_and_never_again() {
    for facts in facts() {
        for state in states() {
            for event in events() {
                let Some(taken) = step(state, event, facts) else {
                    continue;
                };
                if taken.effect == Some(Effect::Ask) {
                    assert_eq!((state, event), (State::Sealing, Event::Sealed));
                }
                if taken.effect == Some(Effect::AskInBrowser) {
                    assert_eq!((state, event), (State::Asking, Event::OtherWay));
                }
                // From the answer on there is only reading.
                if matches!(
                    state,
                    State::Looking | State::Unknown | State::Undoing | State::Closing
                ) {
                    assert!(
                        !matches!(taken.state, State::Sealing | State::Asking | State::Confirm),
                        "{state:?} {event:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn whatever_ends_without_a_change_brings_everything_back_first() {
    for facts in facts() {
        for state in states() {
            for event in events() {
                let Some(taken) = step(state, event, facts) else {
                    continue;
                };
                if taken.state == State::NotChanged {
                    let is_back = matches!(event, Event::Undone(_));
                    let unseals = taken.effect == Some(Effect::Unseal);
                    assert!(is_back != unseals, "{state:?} {event:?}");
                    assert_eq!(unseals, event.brings_back(), "{state:?} {event:?}");
                    assert!(taken.trouble.is_some(), "and says why");
                }
            }
        }
    }
}

#[test]
fn what_is_not_back_is_never_called_unchanged() {
    for facts in facts() {
        for state in states() {
            let event = Event::NotUndone(LinkTrouble::NotBack);
            let Some(taken) = step(state, event, facts) else {
                assert!(
                    !states_that_bring_back().contains(&state),
                    "{state:?} has somewhere to go"
                );
                continue;
            };
            assert_eq!(taken.state, State::Undoing, "{state:?}");
            assert_eq!(taken.trouble, Some(LinkTrouble::NotBack));
            // One retries at a time.
            let first = state != State::Undoing;
            assert_eq!(taken.effect, first.then_some(Effect::UndoLater));
        }
    }
}

/// The states in which something is brought back.
fn states_that_bring_back() -> Vec<State> {
    let mut found = states();
    found.retain(|state| {
        events()
            .into_iter()
            .any(|event| event.brings_back() && step(*state, event, READY).is_some())
    });
    found.push(State::Undoing);
    found
}

#[test]
fn only_one_looks_later_at_a_time() {
    for state in states() {
        for event in events() {
            let Some(taken) = step(state, event, READY) else {
                continue;
            };
            if taken.effect == Some(Effect::LookLater) {
                assert_ne!(state, State::Unknown, "{event:?} would start another");
                assert_eq!(taken.state, State::Unknown);
            }
        }
    }
}

#[test]
fn it_is_done_only_by_the_services_own_list() {
    for facts in facts() {
        for state in states() {
            for event in events() {
                let Some(taken) = step(state, event, facts) else {
                    continue;
                };
                if taken.state == State::Closing && state != State::Closing {
                    assert_eq!(event, Event::Present, "{state:?}");
                }
                if taken.state == State::Done {
                    assert_eq!(state, State::Closing);
                }
            }
        }
    }
}

#[test]
fn nothing_is_sealed_before_the_address_was_typed() {
    for facts in facts() {
        for state in states() {
            for event in events() {
                let Some(taken) = step(state, event, facts) else {
                    continue;
                };
                if taken.state == State::Sealing {
                    assert_eq!(
                        (state, event),
                        (State::Confirm, Event::Confirm { typed: true })
                    );
                }
            }
        }
    }
}

#[test]
fn what_has_not_left_this_computer_is_settled_before_anything_else() {
    for understood in [true, false] {
        let facts = Facts {
            unsettled: true,
            ..READY
        };
        let taken = step(State::Preview, Event::GoOn { understood }, facts).unwrap();
        assert_eq!(taken.state, State::Preview);
        assert_eq!(taken.trouble, Some(LinkTrouble::NotSettled));
    }
}

#[test]
fn incomplete_figures_several_sign_ins_no_copy_and_a_copy_with_gaps_need_a_tick() {
    let go_on = |state, understood, facts| {
        step(state, Event::GoOn { understood }, facts)
            .unwrap()
            .state
    };
    let none = Facts {
        copied: false,
        ..READY
    };
    for facts in [
        Facts {
            at_least: true,
            ..none
        },
        Facts {
            several: true,
            ..none
        },
    ] {
        assert_eq!(go_on(State::Preview, false, facts), State::Preview);
        assert_eq!(go_on(State::Preview, true, facts), State::Export);
    }
    assert_eq!(go_on(State::Export, false, none), State::Export);
    assert_eq!(go_on(State::Export, true, none), State::Confirm);
    let gaps = Facts { gaps: true, ..none };
    assert_eq!(go_on(State::Exported, false, gaps), State::Exported);
    assert_eq!(go_on(State::Exported, true, gaps), State::Confirm);
    assert_eq!(go_on(State::Exported, false, READY), State::Confirm);
}

#[test]
fn a_proof_that_has_run_out_comes_back_to_the_page_it_was_missing_on() {
    for side in [LinkSide::Kept, LinkSide::SetAside] {
        let asked = step(State::Sealing, Event::ProofOver(side), READY).unwrap();
        let again = step(asked.state, Event::Proved(side), READY).unwrap();
        assert_eq!(again.state, State::Confirm);
        assert_eq!(again.effect, None, "nothing the person chose is forgotten");
    }
}

/// The name of a value without what is in it, for the table.
fn word(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.replace(" { ", "(")
        .replace(" }", ")")
        .replace(": ", " ")
}

fn page() -> String {
    let mut page = String::from(
        "# The machine of linked identities\n\n\
         How two accounts become one mailbox with two sign-ins, and what each event makes of each\n\
         state. Printed by a test of `mail-app` from `linking/machine.rs` and compared with it: to\n\
         change this page, change the machine and run the test with `BRAID_WRITE_DOCS=1`.\n\n\
         The table is for a change whose figures are complete, with nothing left to settle and a\n\
         whole copy taken along; the tests look at all other cases. What is not listed under a\n\
         state is refused there and changes nothing.\n",
    );
    for state in states() {
        write!(page, "\n## {}\n\n", word(&state)).unwrap();
        let rows: Vec<_> = events()
            .into_iter()
            .filter_map(|event| Some((event, step(state, event, READY)?)))
            .collect();
        if rows.is_empty() {
            page.push_str("The end.\n");
            continue;
        }
        page.push_str("| Event | Becomes | What is done | What is said |\n|---|---|---|---|\n");
        for (event, taken) in rows {
            let becomes = if taken.state == state {
                "stays".to_owned()
            } else {
                word(&taken.state)
            };
            let effect = taken.effect.map(|effect| word(&effect)).unwrap_or_default();
            let trouble = taken.trouble.map(|why| word(&why)).unwrap_or_default();
            writeln!(
                page,
                "| {} | {becomes} | {effect} | {trouble} |",
                word(&event)
            )
            .unwrap();
        }
    }
    page
}

#[test]
fn the_page_of_the_machine_is_as_the_machine_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/linking-machine.md");
    let page = page();
    if std::env::var_os("BRAID_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/linking-machine.md differs; write it anew with BRAID_WRITE_DOCS=1"
    );
}

#[test]
fn every_event_belongs_somewhere_and_every_state_is_reached() {
    let mut reached: BTreeSet<String> = BTreeSet::from([word(&State::Checking)]);
    let mut used = BTreeSet::new();
    for facts in facts() {
        for state in states() {
            for event in events() {
                if let Some(taken) = step(state, event, facts) {
                    reached.insert(word(&taken.state));
                    used.insert(word(&event));
                }
            }
        }
    }
    for state in states() {
        assert!(reached.contains(&word(&state)), "{state:?}");
    }
    for event in events() {
        assert!(used.contains(&word(&event)), "{event:?}");
    }
    assert_eq!(
        step(State::Looking, Event::Absent(WHY), READY)
            .unwrap()
            .trouble,
        Some(WHY)
    );
}
