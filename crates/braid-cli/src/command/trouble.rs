//! What stands in the way of opening one mailbox with two sign-ins, in words.

use mail_app::{LinkTrouble, LinkTroubleView, LinkView};

/// Why a change came to nothing.
pub(super) fn reason(view: &LinkView) -> String {
    match &view.trouble {
        Some(trouble) => words(trouble, view),
        None => "it did not work".into(),
    }
}

fn words(trouble: &LinkTroubleView, view: &LinkView) -> String {
    let (kept, aside) = (&view.kept, &view.set_aside);
    let sign_ins = trouble.number.unwrap_or(2);
    let words = match trouble.kind {
        LinkTrouble::SamePerson => "that is the sign-in that is in use already".into(),
        LinkTrouble::AlreadyOpens => format!("{} already opens {}", aside.email, kept.name),
        LinkTrouble::BelongsElsewhere => {
            "this sign-in already opens a different mailbox; it must be removed there first".into()
        }
        LinkTrouble::BothAffected => format!(
            "{} itself has {sign_ins} sign-ins; remove the others first",
            aside.name
        ),
        LinkTrouble::SignInUnclear => format!(
            "{sign_ins} sign-ins of one connection open {}, and the service does not say which of them was used; remove the others first",
            aside.name
        ),
        LinkTrouble::KeptExpired => format!("sign in to {} again", kept.name),
        LinkTrouble::ProofExpired => format!("prove {} once more", aside.email),
        LinkTrouble::WrongPerson => format!("somebody other than {} signed in", aside.email),
        LinkTrouble::NotFinished => "the sign-in was not finished".into(),
        LinkTrouble::NotOurs => {
            "the answer did not belong to this request, so it was ignored".into()
        }
        LinkTrouble::Forbidden => {
            "your organisation does not allow one mailbox to be opened with several sign-ins".into()
        }
        LinkTrouble::NotSwitchedOn => "this service has not switched on shared sign-ins".into(),
        LinkTrouble::LinkedByItself => {
            format!(
                "the service joined this sign-in to {} on its own",
                kept.name
            )
        }
        LinkTrouble::CannotCount => format!("{} cannot be counted now", aside.name),
        LinkTrouble::NotSettled => "something has not left this computer; settle it first".into(),
        LinkTrouble::DraftOpen => format!("a draft in {} is open", aside.name),
        LinkTrouble::NoSpace => match (trouble.number, trouble.other_number) {
            (Some(needed), Some(free)) => format!(
                "{} KB are needed for the copy, {} KB are free there",
                needed / 1024,
                free / 1024
            ),
            _ => "there is not enough space for the copy".into(),
        },
        LinkTrouble::ExportIncomplete => "some messages could not be copied".into(),
        LinkTrouble::Offline => "there is no connection".into(),
        LinkTrouble::NoAnswer => "the service did not answer".into(),
        LinkTrouble::ServerFault => "the service had a fault".into(),
        LinkTrouble::TooMany => match trouble.number {
            Some(seconds) => format!("the service asks to wait {seconds} seconds"),
            None => "the service asks to wait".into(),
        },
        LinkTrouble::NotShownYet => "the service confirmed, but does not show it yet".into(),
        LinkTrouble::SessionLeft => "the old session could not be ended".into(),
        LinkTrouble::Keyring => "the keyring refuses".into(),
        LinkTrouble::CannotSeal => {
            format!(
                "the copy of {} on this computer cannot be sealed",
                aside.name
            )
        }
        LinkTrouble::NotBack => format!("{} is not back on this computer yet", aside.name),
        LinkTrouble::OtherJoined => format!(
            "another sign-in opens {} now, and {} does not",
            kept.name, aside.email
        ),
        LinkTrouble::Changed => "the mailbox has changed since it was counted".into(),
        LinkTrouble::TypedOther => "that is not its address".into(),
        LinkTrouble::LastSignIn => "it is the only way into the mailbox".into(),
        LinkTrouble::Clock => "this computer's clock is wrong; set it first".into(),
        LinkTrouble::NotOwner => format!("{} can be read, but not decided about", aside.name),
        LinkTrouble::Busy => "a change is under way elsewhere".into(),
        LinkTrouble::Unexpected => "the service gave an answer that is not known".into(),
    };
    match &trouble.detail {
        Some(detail) => format!("{words} ({detail})"),
        None => words,
    }
}
