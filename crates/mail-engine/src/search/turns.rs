//! Whose turn it is to index: the machine's, not one account's.
//!
//! Indexing folds whole texts, so twelve accounts at once would take every processor from the
//! window. They take turns, a piece of work each: first the accounts the person looks at or
//! searches, in the order they came; now and then one of the others all the same, so that none
//! waits for ever behind an account that never ends.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// So many turns in a row go to accounts that are looked at while another one waits.
const IN_A_ROW: usize = 8;

/// Turns at indexing, shared by the engines of all accounts. Clones are one.
#[derive(Debug, Clone)]
pub struct IndexTurns(Arc<Mutex<Waiting>>);

#[derive(Debug)]
struct Waiting {
    free: usize,
    queue: VecDeque<Waiter>,
    in_a_row: usize,
}

#[derive(Debug)]
struct Waiter {
    looked_at: LookedAt,
    turn: oneshot::Sender<Turn>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(IndexTurns);

/// How many look at an account at the moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct LookedAt(Arc<AtomicUsize>);

/// Somebody looks at an account: its turns at indexing come first until this is dropped.
#[derive(Debug)]
pub struct Attention(LookedAt);

impl LookedAt {
    pub(crate) fn look(&self) -> Attention {
        self.0.fetch_add(1, Ordering::Relaxed);
        Attention(self.clone())
    }

    pub(crate) fn is_now(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Attention {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for IndexTurns {
    /// One for every two processors, at least one.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self::of((processors / 2).max(1))
    }
}

impl IndexTurns {
    /// So many at once.
    #[must_use]
    pub fn of(at_once: usize) -> Self {
        Self(Arc::new(Mutex::new(Waiting {
            free: at_once,
            queue: VecDeque::new(),
            in_a_row: 0,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns once it is this account's turn.
    ///
    /// # Cancellation
    /// Dropping the future gives the place in the queue up, or the turn back.
    pub(crate) async fn take(&self, looked_at: &LookedAt) -> Turn {
        loop {
            let (turn, given) = oneshot::channel();
            self.lock().queue.push_back(Waiter {
                looked_at: looked_at.clone(),
                turn,
            });
            self.give();
            if let Ok(turn) = given.await {
                return turn;
            }
        }
    }

    /// Gives free turns to who waits.
    fn give(&self) {
        loop {
            let next = self.lock().next();
            let Some(next) = next else { return };
            // Who has gone away gives it back by dropping it.
            drop(next.turn.send(Turn(self.clone())));
        }
    }
}

impl Waiting {
    /// Who is next, if there is a turn to give; it is taken then.
    fn next(&mut self) -> Option<Waiter> {
        self.queue.retain(|waiter| !waiter.turn.is_closed());
        if self.free == 0 {
            return None;
        }
        let first = |looked_at: bool| {
            let mut queue = self.queue.iter();
            queue.position(|waiter| waiter.looked_at.is_now() == looked_at)
        };
        let (looked_at, other) = (first(true), first(false));
        let is_others = looked_at.is_none() || (other.is_some() && self.in_a_row >= IN_A_ROW);
        let at = if is_others { other } else { looked_at }?;
        self.in_a_row = match (is_others, other) {
            (false, Some(_)) => self.in_a_row + 1,
            _ => 0,
        };
        self.free -= 1;
        self.queue.remove(at)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.lock().free += 1;
        self.0.give();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    /// Takes turns for accounts in the order they come and notes whose each was.
    async fn order(turns: &IndexTurns, accounts: &[LookedAt], most: usize) -> Vec<usize> {
        let held = turns.take(&LookedAt::default()).await;
        let mut waiting: Vec<_> = accounts
            .iter()
            .map(|account| Box::pin(turns.take(account)))
            .collect();
        for waiter in &mut waiting {
            assert!(waiter.now_or_never().is_none(), "one at a time");
        }
        drop(held);
        let mut order = Vec::new();
        for _ in 0..most {
            let (turn, whose, _) = futures::future::select_all(waiting.iter_mut()).await;
            order.push(whose);
            // It asks for its next turn at once, behind all that wait.
            waiting[whose] = Box::pin(turns.take(&accounts[whose]));
            assert!((&mut waiting[whose]).now_or_never().is_none());
            drop(turn);
        }
        order
    }

    #[tokio::test]
    async fn accounts_take_turns_in_the_order_they_come() {
        let accounts: [LookedAt; 3] = Default::default();
        let turns = IndexTurns::of(1);
        assert_eq!(order(&turns, &accounts, 6).await, [0, 1, 2, 0, 1, 2]);
    }

    #[tokio::test]
    async fn the_account_that_is_looked_at_comes_first_and_keeps_nobody_for_ever() {
        let accounts: [LookedAt; 3] = Default::default();
        let turns = IndexTurns::of(1);
        let looks = accounts[1].look();
        let told = order(&turns, &accounts, 20).await;
        assert!(told[..8].iter().all(|whose| *whose == 1), "{told:?}");
        assert_eq!([told[8], told[17]], [0, 2], "{told:?}");
        drop(looks);
        assert_eq!(order(&turns, &accounts, 3).await, [0, 1, 2]);
    }

    #[tokio::test]
    async fn who_stops_waiting_takes_no_turn_with_it() {
        let turns = IndexTurns::of(1);
        let account = LookedAt::default();
        let held = turns.take(&account).await;
        let mut gone = Box::pin(turns.take(&account));
        let mut given = Box::pin(turns.take(&account));
        assert!((&mut gone).now_or_never().is_none());
        assert!((&mut given).now_or_never().is_none());
        drop(gone);
        // Its turn comes, and it goes away without having looked.
        drop(held);
        drop(given);
        assert!(turns.take(&account).now_or_never().is_some());
    }
}
