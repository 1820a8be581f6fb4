-- Customers who come back, the first twenty.
SELECT customers.name, customers.email, count(*) AS tickets, max(tickets.created_at) AS latest
FROM tickets JOIN customers ON customers.id = tickets.customer_id
WHERE deleted_at IS NULL AND status IS NOT 'Spam'
GROUP BY customers.id HAVING count(*) > 1 ORDER BY tickets DESC LIMIT 20;
