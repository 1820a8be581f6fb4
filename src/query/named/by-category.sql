-- Categories: their tickets and ratings.
SELECT coalesce(name, '(archived)') AS category, count(*) AS tickets, count(csat) AS rated,
       round(avg(csat), 2) AS mean_rating, sum(message_count) AS messages
FROM tickets JOIN categories ON categories.id = tickets.category_id
WHERE deleted_at IS NULL AND status IS NOT 'Spam'
GROUP BY name ORDER BY tickets DESC LIMIT 5;
