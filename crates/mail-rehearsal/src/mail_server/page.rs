//! Where a page of a query begins (RFC 8620 section 5.5).

use super::error::MethodError;

/// The place of the first result: from an anchor, or from a position that may count from the end.
pub(crate) fn start(
    position: i64,
    anchor: Option<&str>,
    anchor_offset: i64,
    total: usize,
    find: impl FnOnce(&str) -> Option<usize>,
) -> Result<usize, MethodError> {
    let total = i64::try_from(total).unwrap_or(i64::MAX);
    let start = match anchor {
        Some(anchor) => {
            let at = find(anchor).ok_or(MethodError::AnchorNotFound)?;
            i64::try_from(at)
                .unwrap_or(i64::MAX)
                .saturating_add(anchor_offset)
        }
        None if position < 0 => total.saturating_add(position),
        None => position,
    };
    Ok(usize::try_from(start.max(0)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_either_end_and_stop_at_the_first() {
        let at = |position, anchor: Option<&str>, offset| {
            start(position, anchor, offset, 10, |a| a.parse().ok())
        };
        assert_eq!(at(3, None, 0), Ok(3));
        assert_eq!(at(-3, None, 0), Ok(7));
        assert_eq!(at(-30, None, 0), Ok(0));
        assert_eq!(at(5, Some("4"), -2), Ok(2));
        assert_eq!(at(5, Some("1"), -2), Ok(0));
        assert_eq!(at(0, Some("x"), 0), Err(MethodError::AnchorNotFound));
    }
}
