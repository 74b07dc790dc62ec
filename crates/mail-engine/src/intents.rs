//! The person's marks on their way to the server: which of them go together, and what their
//! outcomes mean.
//!
//! Pure. The store keeps the marks and shows them at once; the account's loop sends them. Order
//! is kept for each message: two marks on one message never travel in the same batch, so the
//! second is only sent once the first has its outcome.

use std::collections::BTreeSet;

use mail_model::MessageId;
use mail_model::remote::{EditOutcome, RemoteEdit};
use mail_store::{Intent, IntentId, IntentOutcome};

/// Messages sent at once; one intent alone may be more.
pub const EDITS: usize = 500;

/// Marks that travel together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditBatch {
    /// The edits, one a message, in order.
    pub edits: Vec<RemoteEdit>,
    /// Which intent each run of edits belongs to, and how long the run is.
    pub runs: Vec<(IntentId, usize)>,
}

/// What becomes of one intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is over.
    Over {
        /// How.
        outcome: IntentOutcome,
        /// The server's reason if it refused.
        reason: Option<String>,
    },
    /// It stays and is sent again.
    Again,
}

/// The longest run of intents from the front that may travel together.
#[must_use]
pub fn batch(intents: &[Intent]) -> EditBatch {
    let mut touched: BTreeSet<&MessageId> = BTreeSet::new();
    let mut batch = EditBatch::default();
    for intent in intents {
        let full = !batch.runs.is_empty() && batch.edits.len() + intent.messages.len() > EDITS;
        let second = intent.messages.iter().any(|id| touched.contains(id));
        if full || second {
            break;
        }
        touched.extend(&intent.messages);
        batch.runs.push((intent.id, intent.messages.len()));
        batch
            .edits
            .extend(intent.messages.iter().map(|id| RemoteEdit {
                message: id.clone(),
                keywords: intent.keywords.clone(),
                add_to: intent.add_to.clone(),
                remove_from: intent.remove_from.clone(),
            }));
    }
    batch
}

/// What the outcomes mean for each intent of a batch; none when their number is wrong.
///
/// A message that is gone needs no mark. One refusal refuses the whole intent: what the server
/// took of it comes back as an ordinary change.
#[must_use]
pub fn verdicts(batch: &EditBatch, outcomes: Vec<EditOutcome>) -> Option<Vec<(IntentId, Verdict)>> {
    if outcomes.len() != batch.edits.len() {
        return None;
    }
    let mut outcomes = outcomes.into_iter();
    let verdicts = batch.runs.iter().map(|(id, length)| {
        let mut again = false;
        let mut refused = None;
        for outcome in outcomes.by_ref().take(*length) {
            match outcome {
                EditOutcome::Done | EditOutcome::Gone => (),
                EditOutcome::Later => again = true,
                EditOutcome::Refused(reason) => refused = refused.or(Some(reason)),
            }
        }
        let verdict = match (refused, again) {
            (Some(reason), _) => refusal(reason),
            (None, true) => Verdict::Again,
            (None, false) => Verdict::Over {
                outcome: IntentOutcome::Done,
                reason: None,
            },
        };
        (*id, verdict)
    });
    Some(verdicts.collect())
}

/// The server will never take it.
#[must_use]
pub const fn refusal(reason: String) -> Verdict {
    Verdict::Over {
        outcome: IntentOutcome::Refused,
        reason: Some(reason),
    }
}
