-- Open tickets by channel.
SELECT source_type AS channel, count(*) AS open, min(created_at) AS oldest
FROM tickets WHERE status IN ('Open', 'Pending', 'Waiting') AND deleted_at IS NULL
GROUP BY channel ORDER BY open DESC;
