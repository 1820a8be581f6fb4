-- How long tickets stayed in each status, since this copy first saw them.
SELECT ticket_history.status, count(*) AS stays,
       round(avg(julianday(coalesce(valid_until, 'now')) - julianday(valid_from)) * 24, 1) AS mean_hours
FROM ticket_history JOIN tickets ON tickets.id = ticket_history.ticket_id
WHERE deleted_at IS NULL AND tickets.status IS NOT 'Spam' AND NOT is_deleted
GROUP BY ticket_history.status;
