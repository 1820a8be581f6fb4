-- The fifteen questions, each as one query over the views that are planned.

-- 1. Weekly median first reply per agent, in business hours
SELECT starts_on, agent_name, first_replies, median_first_reply_business_ms / 60000.0 AS minutes
FROM agent_metrics WHERE period = 'week' ORDER BY starts_on DESC, agent_name;

-- 2. Share of one-touch tickets
SELECT starts_on, sum(one_touch) * 1.0 / nullif(sum(resolved), 0) AS rate, sum(resolved) AS of_resolved
FROM category_metrics WHERE period = 'month' GROUP BY starts_on ORDER BY starts_on DESC;

-- 3. Reopen rate
SELECT starts_on, sum(reopened) * 1.0 / sum(created) AS rate, sum(created) AS of_tickets
FROM category_metrics WHERE period = 'month' GROUP BY starts_on ORDER BY starts_on DESC;

-- 4. Backlog per day
SELECT day, sum(backlog) AS backlog, sum(backlog_low) AS low, sum(backlog_high) AS high
FROM daily_backlog WHERE day >= '2025-01-01' GROUP BY day ORDER BY day;

-- 5. CSAT response rate
SELECT starts_on, sum(rated) * 1.0 / nullif(sum(ratable), 0) AS response_rate, sum(csat_sum) * 1.0 / nullif(sum(rated), 0) AS mean
FROM category_metrics WHERE period = 'month' GROUP BY starts_on ORDER BY starts_on DESC;

-- 6. AI against human
SELECT resolved_by, count(*) AS tickets, avg(full_resolution_ms) / 3600000.0 AS hours, avg(csat) AS csat, count(csat) AS rated
FROM ticket_metrics WHERE is_deleted = 0 AND is_spam = 0 AND full_resolution_ms IS NOT NULL GROUP BY resolved_by;

-- 7. Time unassigned
SELECT substr(t.created_at, 1, 7) AS month, avg(k.unassigned_ms) / 60000.0 AS minutes, count(k.unassigned_ms) AS known_of, count(*) AS tickets
FROM live_tickets t JOIN ticket_metrics k ON k.ticket_id = t.id WHERE NOT t.is_spam GROUP BY month ORDER BY month DESC;

-- 8. Tag trends
SELECT starts_on, tag_name, created, median_first_reply_ms / 60000 AS minutes
FROM tag_metrics WHERE period = 'month' ORDER BY starts_on DESC, created DESC;

-- 9. Pivot by a custom attribute
SELECT attr_63b0cd00013b9a0000000026 AS value, count(*) AS tickets, avg(csat) AS csat, count(csat) AS rated
FROM tickets_wide WHERE status IS NOT 'Spam' GROUP BY 1 ORDER BY tickets DESC;

-- 10. Who waits now
SELECT t.id, k.waiting_since, t.priority, t.assigned_agent_id
FROM live_tickets t JOIN ticket_metrics k ON k.ticket_id = t.id WHERE k.is_waiting_on_us = 1 ORDER BY k.waiting_since;

-- 11. Volume by local hour
SELECT weekday, hour, sum(created) AS created, sum(customer_messages) AS customer_messages
FROM hourly_volume WHERE day >= '2025-01-01' GROUP BY weekday, hour ORDER BY weekday, hour;

-- 12. Replies per agent and day
SELECT day, agent_name, public_replies, tickets_replied FROM agent_daily ORDER BY day DESC, agent_name;

-- 13. CSAT by category
SELECT category_name, csat_sum * 1.0 / nullif(rated, 0) AS mean, rated, ratable
FROM category_metrics WHERE period = 'all' ORDER BY mean;

-- 14. Repeat contact within 7 days
SELECT sum(repeats_within_a_week) * 1.0 / sum(tickets) AS rate, sum(tickets) AS of_tickets FROM customer_metrics;

-- 15. Open per agent
SELECT agent_name, open, waiting_on_us FROM agent_metrics WHERE period = 'all'
UNION ALL
SELECT NULL, count(*), NULL FROM live_tickets WHERE is_open AND assigned_agent_id IS NULL ORDER BY open DESC;
