//! Moving a key between two entries so that it is never in neither.
//!
//! Pure: the vaults read both entries, ask here for the next step, take it, and read again.

use super::VaultError;
use crate::keys::AccountKey;

/// The next step of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// Write the key into the target; then read both again.
    Copy,
    /// Both hold it: delete the source.
    DeleteSource,
    /// Nothing is left to do.
    Done,
}

/// What to do next for a key that goes from `source` to `target`.
///
/// # Errors
/// [`VaultError::NoKey`] if neither holds one, [`VaultError::AlreadyThere`] if the target holds
/// another one. Nothing may be written then.
pub(super) fn next(
    source: Option<&AccountKey>,
    target: Option<&AccountKey>,
) -> Result<Move, VaultError> {
    match (source, target) {
        (Some(_), None) => Ok(Move::Copy),
        (Some(source), Some(target)) if source == target => Ok(Move::DeleteSource),
        (Some(_), Some(_)) => Err(VaultError::AlreadyThere),
        (None, Some(_)) => Ok(Move::Done),
        (None, None) => Err(VaultError::NoKey),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two entries, as a keyring has them.
    #[derive(Clone)]
    struct Entries {
        source: Option<AccountKey>,
        target: Option<AccountKey>,
    }

    /// Moves, but is killed before writing for the `kill`-th time.
    fn moved(mut entries: Entries, kill: usize) -> (Entries, Result<(), VaultError>) {
        let mut writes = 0;
        loop {
            let step = match next(entries.source.as_ref(), entries.target.as_ref()) {
                Ok(Move::Done) => return (entries, Ok(())),
                Ok(step) => step,
                Err(error) => return (entries, Err(error)),
            };
            if writes == kill {
                return (entries, Ok(()));
            }
            writes += 1;
            match step {
                Move::Copy => entries.target.clone_from(&entries.source),
                Move::DeleteSource => entries.source = None,
                Move::Done => {}
            }
        }
    }

    #[test]
    fn killed_anywhere_the_key_is_somewhere_and_a_second_move_ends_the_first() {
        let key = AccountKey::from_bytes([7; 32]);
        let begin = Entries {
            source: Some(key.clone()),
            target: None,
        };
        for kill in 0..4 {
            let (left, _) = moved(begin.clone(), kill);
            assert!(
                left.source.as_ref() == Some(&key) || left.target.as_ref() == Some(&key),
                "killed before write {kill}"
            );
            let (ended, result) = moved(left, usize::MAX);
            assert!(result.is_ok(), "killed before write {kill}");
            assert!(ended.source.is_none() && ended.target == Some(key.clone()));
        }
    }

    #[test]
    fn another_key_in_the_target_is_never_written_over() {
        let key = |byte| Some(AccountKey::from_bytes([byte; 32]));
        assert!(matches!(
            next(key(1).as_ref(), key(2).as_ref()),
            Err(VaultError::AlreadyThere)
        ));
        assert!(matches!(next(None, None), Err(VaultError::NoKey)));
    }
}
