-- Template: {attributes} is one line per custom attribute, in the order in which they were first seen (see NOTES.md):
--     , (SELECT a.value FROM ticket_attributes a WHERE a.ticket_id = t.id AND a.label = 'Plan' ORDER BY a.position LIMIT 1) AS "attr_plan"
-- and for one without a label: … AND a.label IS NULL AND a.attribute_id = '65f1…'
CREATE VIEW tickets_wide AS
SELECT t.*,
    coalesce(c.name, t.category_id) AS category_name,
    coalesce(a.name, a.email, t.assigned_agent_id) AS agent_name,
    coalesce(p.name, p.email, t.customer_id) AS customer_name,
    (SELECT group_concat(name, ', ') FROM (
        SELECT coalesce(g.name, x.tag_id) AS name FROM ticket_tags x LEFT JOIN tags g ON g.id = x.tag_id WHERE x.ticket_id = t.id ORDER BY 1)) AS tag_names
    {attributes}
FROM tickets t
LEFT JOIN categories c ON c.id = t.category_id
LEFT JOIN agents a ON a.id = t.assigned_agent_id
LEFT JOIN customers p ON p.id = t.customer_id
WHERE t.deleted_at IS NULL;
