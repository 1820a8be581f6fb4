-- Tickets by origin: how many, how many open, median minutes to the first reply.
WITH replies AS (
  SELECT source_type, first_reply_time_ms,
         row_number() OVER (PARTITION BY source_type ORDER BY first_reply_time_ms) AS place,
         count(*) OVER (PARTITION BY source_type) AS replied
  FROM tickets WHERE first_reply_time_ms IS NOT NULL AND deleted_at IS NULL AND status IS NOT 'Spam')
SELECT source_type AS origin, count(*) AS tickets, sum(status IN ('Open', 'Pending', 'Waiting')) AS open,
       (SELECT first_reply_time_ms / 60000 FROM replies
        WHERE replies.source_type = tickets.source_type
          AND place = (replied + 1) / 2) AS median_reply_min
FROM tickets WHERE deleted_at IS NULL AND status IS NOT 'Spam'
GROUP BY source_type ORDER BY tickets DESC;
