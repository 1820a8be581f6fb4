//! What a slice costs.

/// Requests that paging through `tickets` takes, `limit` at a time: each page but the first begins
/// with the last ticket of the one before, and a full page at the very end is confirmed by one
/// more. An empty slice takes one request.
pub fn requests(tickets: u64, limit: u32) -> u64 {
    let step = u64::from(limit.max(2)) - 1;
    tickets.div_ceil(step).max(1)
}

/// As [`requests`], where an answer that is the first and the last of its slice has to repeat.
pub fn confirmed_requests(tickets: u64, limit: u32) -> u64 {
    requests(tickets, limit) + u64::from(tickets < u64::from(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_overlap_by_one_ticket() {
        let of = |tickets| requests(tickets, 100);
        assert_eq!(
            [of(0), of(1), of(99), of(100), of(198), of(199)],
            [1, 1, 1, 2, 2, 3]
        );
        assert_eq!(of(100_000), 1_011);
    }

    #[test]
    fn a_slice_of_one_answer_takes_two() {
        let of = |tickets| confirmed_requests(tickets, 100);
        assert_eq!([of(0), of(99), of(100), of(199)], [2, 2, 2, 3]);
    }
}
