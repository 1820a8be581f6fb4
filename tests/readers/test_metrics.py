"""Tests of metrics.py: small stores made by hand, whose values were worked out by hand from docs/metrics.md."""

import contextlib
import io
import json
import sqlite3
import tempfile
import unittest
from pathlib import Path

import metrics as mc

COLUMNS = {
    "tickets": "id status priority source_type category_id assigned_agent_id customer_id email_subject created_at updated_at resolved_at resolution_time_ms "
    "csat ai_status message_count snapshot_id deleted_at",
    "messages": "id ticket_id position sender_type sender_reference_type sender_name sender_id message_type content created_at updated_at is_edited is_deleted "
    "action_log_from action_log_to extra_json",
    "ticket_history": "ticket_id valid_from valid_until status priority category_id assigned_agent_id tags_json csat ai_status resolution_time_ms message_count "
    "is_deleted snapshot_id",
    "customers": "id name email created_at snapshot_id",
    "ticket_attributes": "ticket_id position attribute_id label value",
    "customer_attributes": "customer_id position attribute_id label value",
    "tags": "id name snapshot_id",
    "ticket_tags": "ticket_id tag_id",
    "categories": "id name is_archived snapshot_id",
    "agents": "id name email wallet_address snapshot_id",
    "snapshots": "id kind outcome started_at finished_at",
}

S, MIN, H, D = mc.SECOND, mc.MINUTE, mc.HOUR, mc.DAY
WEEKDAYS_9_TO_5 = {day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}


def at(value):
    """`5 10:00` is 2026-01-05T10:00:00.000Z, a Monday; other texts are dates without seconds."""
    if value is None:
        return None
    if "-" not in value:
        day, time = value.split(" ")
        value = f"2026-01-{int(day):02}T{time}"
    value = value.removesuffix("Z")
    if len(value) == 16:
        value += ":00"
    if len(value) == 19:
        value += ".000"
    return value + "Z"


class Desk:
    """A store made by hand."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = str(Path(self.folder.name) / "store.sqlite")
        self.connection = sqlite3.connect(self.path)
        for table, columns in COLUMNS.items():
            self.connection.execute(f"CREATE TABLE {table} ({', '.join(columns.split())})")
        self.count = 0

    def add(self, table, **values):
        names = ", ".join(values)
        self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(values))})", list(values.values()))

    def ticket(self, ticket_id="t", created_at="5 10:00", status="Open", **values):
        values.setdefault("message_count", 1)
        for column in ("resolved_at", "deleted_at"):
            if column in values:
                values[column] = at(values[column])
        self.add("tickets", id=ticket_id, created_at=at(created_at), status=status, snapshot_id=1, **values)

    def message(self, created_at, who, ticket_id="t", **values):
        """who: C customer, H human, A the AI, S automation, N note, by the rule reference_type; or a dictionary."""
        kinds = {
            "C": dict(sender_type="customer", sender_reference_type="Customer", sender_id="c"),
            "H": dict(sender_type="agent", sender_reference_type="ClientMember", sender_id="h1"),
            "A": dict(sender_type="agent"),
            "S": dict(sender_type="system"),
            "N": dict(sender_type="agent", sender_reference_type="ClientMember", sender_id="h1", message_type="InternalNote"),
        }
        self.count += 1
        values = {"message_type": "ExternalMessage", "is_deleted": 0, **(kinds[who] if isinstance(who, str) else who), **values}
        self.add("messages", id=f"m{self.count}", ticket_id=ticket_id, position=self.count, created_at=at(created_at), **values)

    def entry(self, created_at, message_type, from_value, to_value, ticket_id="t", **values):
        values = {"sender_type": "system", **values}
        self.message(created_at, values, ticket_id, message_type=message_type, action_log_from=from_value, action_log_to=to_value)

    def version(self, valid_from, status="Open", ticket_id="t", tags=(), **values):
        values.setdefault("is_deleted", 0)
        self.add("ticket_history", ticket_id=ticket_id, valid_from=at(valid_from), status=status, tags_json=json.dumps(sorted(tags)), **values)

    def run(self, started_at):
        self.count += 1
        self.add("snapshots", id=self.count, kind="sync", outcome="complete", started_at=at(started_at), finished_at=at(started_at))

    def compute(self, config=None, now="2026-02-01T00:00"):
        self.connection.commit()
        return mc.compute(self.path, config, at(now))

    def metrics(self, config=None):
        return self.compute(config)["ticket_metrics"][0]

    def events(self):
        return [
            (e["kind"], e["from_value"], e["to_value"], e["occurred_at"], e["not_before"], e["source"])
            for e in self.compute()["ticket_events"]
        ]


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.desk = Desk()
        self.addCleanup(self.desk.folder.cleanup)
        self.addCleanup(self.desk.connection.close)

    def has(self, row, **expected):
        self.assertEqual({column: row[column] for column in expected}, expected)


class Basics(unittest.TestCase):
    def test_instants(self):
        self.assertEqual(mc.parse_instant("1970-01-02T00:00:00.001Z"), D + 1)
        for text in ("2026-01-31T09:05:00.123Z", "1969-12-31T23:59:59.999Z", "0001-01-01T00:00:00.000Z"):
            self.assertEqual(mc.format_instant(mc.parse_instant(text)), text)

    def test_percentiles(self):
        self.assertIsNone(mc.median([]))
        self.assertEqual(mc.median([7]), 7)
        self.assertEqual(mc.median([4, 1]), 3)  # 2.5, away from 0
        self.assertEqual(mc.median([1, 2, 9]), 2)
        self.assertEqual(mc.p90([0, 10]), 9)
        self.assertEqual(mc.p90(range(0, 101, 10)), 90)
        self.assertEqual(mc.p90([0, 1]), 1)  # 0.9
        self.assertEqual(mc.p90([0, 0, 0, 5]), 4)  # between the third and the fourth: 0.7 of 5 = 3.5

    def test_within(self):
        self.assertEqual(mc.parse_within("1h30m"), 90 * MIN)
        self.assertRaises(ValueError, mc.parse_within, "soon")

    def test_slug(self):
        self.assertEqual(mc.slug("  Order-No. (new)"), "order_no_new")
        self.assertEqual(mc.slug("???"), "")


class BusinessTime(unittest.TestCase):
    def business(self, zone, hours, holidays=()):
        return mc.BusinessTime(mc.zone_named(zone), hours, holidays)

    def ms(self, text):
        return mc.parse_instant(at(text))

    def test_a_weekend_and_a_break(self):
        hours = {day: ["09:00-12:30", "13:30-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
        b = self.business("UTC", hours)
        # Friday the 9th 16:00 to Monday the 12th 14:00: 1 h + 3.5 h + 0.5 h
        self.assertEqual(b.between(self.ms("9 16:00"), self.ms("12 14:00")), 5 * H)
        self.assertEqual(b.after(self.ms("9 16:00"), 5 * H), self.ms("12 14:00"))
        # over just when the desk closes
        self.assertEqual(b.after(self.ms("9 16:00"), 1 * H), self.ms("9 17:00"))
        self.assertEqual(b.after(self.ms("9 16:00"), 1 * H + 1), self.ms("12 09:00") + 1)
        self.assertEqual(b.between(self.ms("10 00:00"), self.ms("11 00:00")), 0)
        self.assertIsNone(b.between(self.ms("11 00:00"), self.ms("10 00:00")))

    def test_a_holiday(self):
        b = self.business("UTC", WEEKDAYS_9_TO_5, ["2026-01-06"])
        self.assertEqual(b.between(self.ms("5 16:00"), self.ms("7 10:00")), 2 * H)

    def test_overlapping_spans_count_once(self):
        b = self.business("UTC", {"mon": ["09:00-12:00", "11:00-13:00"]})
        self.assertEqual(b.between(self.ms("5 00:00"), self.ms("6 00:00")), 4 * H)

    def test_change_of_clocks(self):
        b = self.business("Europe/Berlin", {"sun": ["01:00-04:00"]})
        # 2026-03-29 02:00 to 03:00 does not exist; 2026-10-25 02:00 to 03:00 comes twice
        self.assertEqual(b.between(self.ms("2026-03-28T12:00"), self.ms("2026-03-29T12:00")), 2 * H)
        self.assertEqual(b.between(self.ms("2026-10-24T12:00"), self.ms("2026-10-25T12:00")), 4 * H)
        self.assertEqual(b.after(self.ms("2026-10-24T12:00"), 4 * H), self.ms("2026-10-25T03:00"))  # 04:00 winter time
        b = self.business("Europe/Berlin", {"sun": ["02:15-02:45"]})
        self.assertEqual(b.between(self.ms("2026-03-28T12:00"), self.ms("2026-03-29T12:00")), 0)
        self.assertEqual(b.between(self.ms("2026-10-24T12:00"), self.ms("2026-10-25T12:00")), 1 * H)

    def test_no_hours(self):
        b = self.business("UTC", {})
        self.assertEqual(b.between(self.ms("5 00:00"), self.ms("6 00:00")), 0)
        self.assertIsNone(b.after(self.ms("5 00:00"), 1))

    def test_always(self):
        b = self.business("Europe/Berlin", "24/7", ["2026-01-05"])
        self.assertEqual(b.between(self.ms("5 00:00"), self.ms("6 00:00")), D)
        self.assertEqual(b.after(self.ms("5 00:00"), H), self.ms("5 01:00"))

    def test_before_2000(self):
        b = self.business("UTC", {day: ["00:00-24:00"] for day in mc.WEEKDAYS})
        self.assertEqual(b.between(self.ms("1999-12-31T00:00"), self.ms("2000-01-01T01:00")), H)
        self.assertEqual(b.between(self.ms("2099-12-31T23:00"), self.ms("2100-01-02T00:00")), H)


class Zones(unittest.TestCase):
    def ms(self, text):
        return mc.parse_instant(at(text))

    def test_days(self):
        zone = mc.Zone("Europe/Berlin")
        self.assertEqual(zone.day(self.ms("5 22:59")), "2026-01-05")
        self.assertEqual(zone.day(self.ms("5 23:00")), "2026-01-06")
        ends = zone.last_instants(self.ms("2026-03-28T12:00"), self.ms("2026-03-30T12:00"))
        self.assertEqual(
            [(mc.day_text(n), mc.format_instant(e)) for n, e in ends],
            [
                ("2026-03-28", "2026-03-28T22:59:59.999Z"),
                ("2026-03-29", "2026-03-29T21:59:59.999Z"),
                ("2026-03-30", "2026-03-30T21:59:59.999Z"),
            ],
        )

    def test_a_date_that_was_left_out(self):
        zone = mc.Zone("Pacific/Apia")  # went over the date line at the end of 2011-12-29
        days = [mc.day_text(n) for n, _ in zone.last_instants(self.ms("2011-12-29T12:00"), self.ms("2011-12-31T12:00"))]
        self.assertEqual(days, ["2011-12-29", "2011-12-31", "2012-01-01"])

    def test_hours(self):
        zone = mc.Zone("Asia/Kolkata")
        self.assertEqual([mc.format_instant(h)[11:16] for h in zone.hours(self.ms("5 10:00"), self.ms("5 11:30"))], ["09:30", "10:30", "11:30"])

    def test_what_a_change_of_clocks_leaves_of_an_hour(self):
        # Lord Howe: on 2026-04-05 at 02:00 (+11) back to 01:30 (+10:30), at 15:00 UTC of the 4th
        zone = mc.Zone("Australia/Lord_Howe")
        hours = zone.hours(self.ms("2026-04-04T14:00"), self.ms("2026-04-04T16:30"))
        self.assertEqual([mc.format_instant(h)[11:16] for h in hours], ["14:00", "15:00", "15:30", "16:30"])
        local = [(h + zone.offset(h)) // mc.MINUTE % 1440 for h in hours]
        self.assertEqual(local, [60, 90, 120, 180])


class Threads(Case):
    def test_replies(self):
        d = self.desk
        d.ticket(message_count=9)
        d.message("5 09:00", "H")  # before the ticket: no reply
        d.message("5 09:30", "C")  # before the ticket: counts
        d.message("5 10:01", "A")
        d.message("5 10:02", "N")
        d.message("5 10:03", "S")
        d.message("5 10:04", "H", is_deleted=1)
        d.message("5 10:10", "H")
        d.message("5 10:15", "N")
        d.message("5 10:20", "H")  # ten minutes: the same reply
        d.message("5 10:21", "H", sender_id="h2")  # another agent: the second reply
        d.message("5 10:30", "C")
        d.message("5 10:31", "H", sender_id="h2")  # the third
        d.message("5 10:41", "H", sender_id="h2")
        d.message("5 10:51:00.001", "H", sender_id="h2")  # a millisecond too late: the fourth
        d.message(None, "C")
        d.message(None, "H")
        self.has(
            d.metrics(),
            opened_by="customer",
            first_customer_message_at="2026-01-05T09:30:00.000Z",
            first_reply_at="2026-01-05T10:10:00.000Z",
            first_reply_agent_id="h1",
            first_reply_ms=40 * MIN,
            first_reply_business_ms=40 * MIN,
            first_reply_from_creation_ms=10 * MIN,
            first_ai_reply_at="2026-01-05T10:01:00.000Z",
            first_ai_reply_ms=31 * MIN,
            customer_message_count=3,
            public_reply_count=4,
            ai_reply_count=1,
            private_note_count=2,
            agent_count=2,
            is_one_touch=None,
            was_handed_off=1,
            reply_rule="reference_type",
            # from created_at: 1 min to the AI's; 10:30 to 10:31
            waiting_on_agent_ms=2 * MIN,
            waiting_on_customer_ms=29 * MIN,
            is_waiting_on_us=0,
            waiting_since="2026-01-05T10:31:00.000Z",
        )

    def test_an_agent_opened_it(self):
        d = self.desk
        d.ticket(message_count=3)
        d.message("5 09:59", "A")  # from before: left out
        d.message("5 10:00", "H")
        d.message("5 11:00", "C")
        d.message("5 11:30", "H")
        self.has(
            d.metrics(),
            opened_by="agent",
            first_reply_at=None,
            first_reply_from_creation_ms=None,
            public_reply_count=2,
            ai_reply_count=0,
        )

    def test_the_ai_opened_it(self):
        d = self.desk
        d.ticket(message_count=3)
        d.message("5 10:00", "A")
        d.message("5 10:10", "H")
        d.message("5 11:00", "C")
        d.message("5 11:30", "H")
        self.has(d.metrics(), opened_by="other", first_reply_ms=30 * MIN, first_reply_from_creation_ms=10 * MIN, first_ai_reply_at=None)

    def test_never_read(self):
        d = self.desk
        d.ticket(message_count=None, ai_status="Solved", status="Resolved", resolved_at="5 12:00", resolution_time_ms=2 * H)
        d.version("6 00:00", "Resolved", resolution_time_ms=2 * H)
        row = d.metrics()
        for column in ("opened_by", "customer_message_count", "public_reply_count", "is_one_touch", "is_ai_only", "agent_count", "reply_rule",
                       "waiting_on_agent_ms", "waiting_since", "was_handed_off", "resolved_by", "is_auto_resolved"):
            self.assertIsNone(row[column], column)
        self.has(row, full_resolution_ms=2 * H, resolution_source="resolution_time", reopen_count=0, handoff_count=0, unassigned_ms=2 * H)

    def test_no_message(self):
        d = self.desk
        d.ticket(message_count=0)
        self.has(
            d.metrics(), opened_by="other", reply_rule=None, public_reply_count=0, waiting_on_agent_ms=0, is_waiting_on_us=None, waiting_since=None
        )

    def agents(self, ai_status, *senders, reference=None):
        """The groups of public messages by agents with these sender_ids."""
        d = self.desk
        d.ticket(message_count=9, ai_status=ai_status)
        d.message("5 10:00", dict(sender_type="customer", sender_reference_type=reference))
        for sender in senders:
            d.message("5 10:01", dict(sender_type="agent", sender_id=sender))
        d.message("5 10:02", dict(sender_type="bot"))
        rows = d.compute()["live_messages"]
        self.assertEqual([(r["is_public"], r["is_human"]) for r in (rows[0], rows[-1])], [(1, 0), (0, 0)])
        return [(r["is_public"], r["is_human"]) for r in rows[1:-1]]

    def test_rule_sender_type(self):
        self.assertEqual(self.agents(None, "h", None), [(1, 1), (1, 1)])
        self.has(self.desk.metrics(), reply_rule="sender_type")

    def test_rule_sender_type_solved(self):
        self.assertEqual(self.agents("AI_Resolved", "h", None), [(1, 0), (1, 0)])

    def test_rule_sender_type_handed_over(self):
        self.assertEqual(self.agents("Escalated", "h", None), [(1, 1), (1, 0)])

    def test_rule_sender_type_handed_over_without_ids(self):
        self.assertEqual(self.agents("HandedOver", None, None), [(1, 1), (1, 1)])

    def test_rule_reference_type(self):
        self.assertEqual(self.agents("HandedOver", "h", None, reference="Customer"), [(1, 0), (1, 0)])

    def test_a_deleted_message_decides_the_rule(self):
        d = self.desk
        d.ticket(message_count=1)
        d.message("5 10:00", "C", is_deleted=1)
        d.message("5 10:01", dict(sender_type="agent", sender_id="h"))
        d.message("5 10:02", dict(sender_type="system", sender_reference_type="ClientMember"))
        rows = d.compute()["live_messages"]
        self.assertEqual([(r["is_public"], r["is_human"]) for r in rows], [(1, 0), (1, 1)])

    def test_touches(self):
        d = self.desk
        d.ticket(message_count=3, status="Resolved")
        d.message("5 10:00", "C")
        d.message("5 10:10", "H")
        d.entry("5 11:00", "StatusAction", "Open", "Resolved")
        self.has(d.metrics(), is_one_touch=1, is_two_touch=0, is_ai_only=0, was_handed_off=None)

    def test_ai_only(self):
        d = self.desk
        d.ticket(message_count=3, status="Resolved", ai_status="solved")
        d.message("5 10:00", "C")
        d.entry("5 10:30", "StatusAction", "Open", "Resolved")
        self.has(d.metrics(), is_one_touch=0, is_ai_only=1, was_handed_off=0, resolved_by="ai")


class Audit(Case):
    def test_kinds_and_values(self):
        d = self.desk
        d.ticket(message_count=9)
        d.message("5 10:00", "C")
        d.entry("5 10:01", "StatusAction", " Open ", "Pending")
        d.entry("5 10:02", "Changed", "Pending", "Waiting")  # by its values
        d.entry("5 10:03", "Changed", "a", "b")  # no change
        d.entry("5 10:04", "AssigneeAction", "Unassigned", "Ada")
        d.entry("5 10:05", "AssigneeAction", "Unassigned", " ")  # both NULL
        d.entry("5 10:06", "PriorityAction", "LOW", "urgent")
        d.entry("5 10:07", "CategoryAction", None, "Billing")
        d.entry("5 10:08", "TagStatusAction", "x", "y")  # status comes first
        d.entry("5 10:09", "TagAction", None, "[\"a\"]", is_deleted=1)
        d.entry(None, "TagAction", None, "[\"b\"]")
        d.entry("5 10:10", "TagAction", None, "[\"c\"]")
        self.assertEqual(
            [e[:3] for e in d.events()],
            [
                ("status", "Open", "Pending"),
                ("status", "Pending", "Waiting"),
                ("assignee", None, "Ada"),
                ("priority", "1", "4"),
                ("category", None, "Billing"),
                ("status", "x", "y"),
                ("tag", None, "[\"c\"]"),
            ],
        )

    def test_actors(self):
        d = self.desk
        d.ticket(message_count=9)
        d.entry("5 10:00", "StatusAction", "Open", "Pending", sender_type="agent", sender_reference_type="ClientMember", sender_id="h")
        d.entry("5 10:01", "StatusAction", "Pending", "Open", sender_reference_type="DiscordUser")
        d.entry("5 10:02", "StatusAction", "Open", "Pending", sender_type="agent")
        d.entry("5 10:03", "StatusAction", "Pending", "Open")
        d.entry("5 10:04", "StatusAction", "Open", "Pending", sender_type="robot")
        rows = d.compute()["ticket_events"]
        self.assertEqual([r["actor_type"] for r in rows], ["agent", "customer", "ai", "system", None])
        self.assertEqual([r["actor_id"] for r in rows], ["h", None, None, None, None])

    def test_reopened(self):
        d = self.desk
        d.ticket(message_count=9, status="Resolved")
        d.message("5 10:00", "C")
        d.entry("5 11:00", "StatusAction", "Open", "Resolved")
        d.entry("5 12:00", "StatusAction", None, "Open")  # comes from Resolved
        d.entry("5 15:00", "StatusAction", "Open", "Resolved")
        self.has(
            d.metrics(),
            first_resolution_ms=H,
            full_resolution_ms=5 * H,
            reopened_resolution_ms=3 * H,
            reopen_count=1,
            last_reopened_at="2026-01-05T12:00:00.000Z",
            waiting_on_agent_ms=4 * H,
            resolution_source="audit",
            is_one_touch=0,
            unassigned_ms=4 * H,
        )

    def test_what_they_leave_out(self):
        d = self.desk
        # resolved at 11:00 (a version says so) and 16:00 (the ticket); written down is only a reopening
        d.ticket(message_count=9, status="Resolved", resolved_at="5 16:00", resolution_time_ms=6 * H)
        d.version("5 11:30", "Resolved", resolution_time_ms=H)
        d.version("6 00:00", "Resolved", resolution_time_ms=6 * H)
        d.entry("5 12:00", "StatusAction", "Resolved", "Open")
        self.assertEqual(
            d.events(),
            [
                ("status", None, "Resolved", "2026-01-05T11:00:00.000Z", None, "history"),
                ("status", "Resolved", "Open", "2026-01-05T12:00:00.000Z", None, "audit"),
                ("status", None, "Resolved", "2026-01-05T16:00:00.000Z", None, "history"),
            ],
        )
        self.has(d.metrics(), reopen_count=1, first_resolution_ms=H, full_resolution_ms=6 * H, resolution_source="resolution_time")

    def test_what_they_leave_out_and_nobody_knows(self):
        d = self.desk
        d.ticket(message_count=9, status="Resolved", resolved_at="5 12:00", resolution_time_ms=2 * H)
        d.entry("5 12:00", "StatusAction", "Resolved", "Open")  # the instant is not before the entry
        d.entry("5 13:00", "StatusAction", "Open", "Pending")
        self.assertEqual(len(d.events()), 2)
        self.has(d.metrics(), last_resolved_at=None, full_resolution_ms=None, reopen_count=1)


class History(Case):
    def test_dated_by_its_resolution_time(self):
        d = self.desk
        d.ticket(status="Resolved", resolved_at="5 12:00", resolution_time_ms=2 * H, assigned_agent_id="b", priority=3)
        d.version("5 10:30", "Open", priority=1)
        d.version("6 02:30", "Resolved", resolution_time_ms=2 * H, assigned_agent_id="b", priority=3)
        self.assertEqual(
            d.events(),
            [
                ("status", "Open", "Resolved", "2026-01-05T12:00:00.000Z", None, "history"),
                ("assignee", None, "b", "2026-01-06T02:30:00.000Z", "2026-01-05T10:30:00.000Z", "history"),
                ("priority", "1", "3", "2026-01-06T02:30:00.000Z", "2026-01-05T10:30:00.000Z", "history"),
            ],
        )

    def test_not_before_the_change_before(self):
        d = self.desk
        d.ticket(status="Resolved", resolved_at="5 12:00", resolution_time_ms=2 * H)
        d.version("5 10:30", "Open")
        d.version("6 02:30", "Pending")
        d.version("7 02:30", "Resolved", resolution_time_ms=2 * H)
        self.assertEqual(
            [e[2:5] for e in d.events()],
            [
                ("Pending", "2026-01-06T02:30:00.000Z", "2026-01-05T10:30:00.000Z"),
                ("Resolved", "2026-01-07T02:30:00.000Z", "2026-01-06T02:30:00.000Z"),
            ],
        )
        self.has(d.metrics(), resolution_source="history", is_auto_resolved=None)

    def test_not_to_be_trusted(self):
        d = self.desk
        d.ticket(status="Resolved", resolved_at=None, resolution_time_ms=2 * H)
        d.version("6 02:30", "Resolved", resolution_time_ms=2 * H)
        self.assertEqual(d.events(), [("status", None, "Resolved", "2026-01-06T02:30:00.000Z", "2026-01-05T10:00:00.000Z", "history")])

    def test_resolved_again(self):
        d = self.desk
        d.ticket(status="Resolved", resolved_at="7 10:00", resolution_time_ms=2 * D)
        d.version("6 02:30", "Resolved", resolution_time_ms=2 * H)
        d.version("8 02:30", "Resolved", resolution_time_ms=2 * D)
        self.has(d.metrics(), reopen_count=1, last_reopened_at=None, first_resolution_ms=2 * H, full_resolution_ms=2 * D, reopened_resolution_ms=None)

    def test_no_version(self):
        d = self.desk
        d.ticket(status="Resolved", resolved_at="5 12:00", resolution_time_ms=2 * H)
        self.assertEqual(d.events(), [("status", None, "Resolved", "2026-01-05T12:00:00.000Z", None, "history")])

    def test_tags_ratings_deletions(self):
        d = self.desk
        d.ticket(csat=None, deleted_at="8 00:00")
        d.version("6 00:00", tags=["b", "x"], csat=2)
        d.version("7 00:00", tags=["a", "y", "x"], csat=4)
        d.version("8 00:00", tags=["a", "y", "x"], csat=None, is_deleted=1)
        seven, six = "2026-01-07T00:00:00.000Z", "2026-01-06T00:00:00.000Z"
        self.assertEqual(
            d.events(),
            [
                ("rating", None, "2", six, "2026-01-05T10:00:00.000Z", "history"),
                ("tag", "b", None, seven, six, "history"),
                ("tag", None, "a", seven, six, "history"),
                ("tag", None, "y", seven, six, "history"),
                ("rating", "2", "4", seven, six, "history"),
                ("rating", "4", None, "2026-01-08T00:00:00.000Z", seven, "history"),
                ("deletion", "0", "1", "2026-01-08T00:00:00.000Z", seven, "history"),
            ],
        )
        self.has(d.metrics(), csat=None, csat_first=2, csat_last=4, is_deleted=1)

    def test_handoffs_and_unassigned(self):
        d = self.desk
        d.ticket(message_count=9, assigned_agent_id="b")
        d.entry("5 11:00", "AssignAction", None, "a")
        d.entry("5 12:00", "AssignAction", "a", "Unassigned")
        d.entry("5 12:30", "AssignAction", None, "a")  # the same agent again
        d.entry("5 13:00", "AssignAction", "a", None)
        d.entry("5 13:15", "AssignAction", None, "b")  # a handoff with nobody in between
        self.has(d.metrics(), handoff_count=1, unassigned_ms=H + 30 * MIN + 15 * MIN)

    def test_unassigned_while_closed_does_not_count(self):
        d = self.desk
        d.ticket(message_count=9, assigned_agent_id="a")
        d.entry("5 11:00", "StatusAction", "Open", "Resolved")
        d.entry("5 13:00", "StatusAction", "Resolved", "Open")
        d.entry("5 13:30", "AssignAction", None, "a")
        self.has(d.metrics(), unassigned_ms=90 * MIN)

    def test_unassigned_nobody_saw(self):
        d = self.desk
        d.ticket(assigned_agent_id="a")
        d.version("6 00:00", assigned_agent_id="a")
        self.has(d.metrics(), unassigned_ms=None, handoff_count=0)

    def test_unassigned_by_history(self):
        d = self.desk
        d.ticket(assigned_agent_id="a")
        d.version("6 00:00")
        d.version("7 00:00", assigned_agent_id="a")
        self.has(d.metrics(), unassigned_ms=38 * H)


class Turns(Case):
    def test_closed_in_between(self):
        d = self.desk
        d.ticket(message_count=9)
        d.message("5 10:00", "C")
        d.message("5 10:30", "C")
        d.message("5 11:00", "H")  # 1 h on the agent
        d.entry("5 11:30", "StatusAction", "Open", "Resolved")  # 30 min on the customer
        d.message("5 12:00", "C")
        d.entry("5 12:10", "StatusAction", "Resolved", "Open")
        self.has(
            d.metrics(),
            waiting_on_agent_ms=H,
            waiting_on_customer_ms=30 * MIN,
            is_waiting_on_us=1,
            waiting_since="2026-01-05T12:10:00.000Z",
        )

    def test_open_to_open_turns_nothing(self):
        d = self.desk
        d.ticket(message_count=9, status="Pending")
        d.message("5 10:00", "C")
        d.entry("5 11:30", "StatusAction", "Open", "Pending")
        self.has(d.metrics(), waiting_on_agent_ms=0, waiting_since="2026-01-05T10:00:00.000Z")

    def test_open_but_not_by_its_changes(self):
        d = self.desk
        d.ticket(message_count=9, status="Open")
        d.message("5 10:00", "C")
        d.entry("5 11:30", "StatusAction", "Open", "Resolved")
        d.message("5 12:00", "C")
        self.has(d.metrics(), waiting_since="2026-01-05T12:00:00.000Z", waiting_on_agent_ms=90 * MIN)

    def test_a_change_from_history_comes_last(self):
        d = self.desk
        d.ticket(message_count=9, status="Resolved", resolved_at="5 11:00", resolution_time_ms=H)
        d.version("6 00:00", "Resolved", resolution_time_ms=H)
        d.message("5 10:00", "C")
        d.message("5 11:00", "H")
        self.has(d.metrics(), waiting_on_agent_ms=H, waiting_on_customer_ms=0)


class Resolvers(Case):
    def resolved_after(self, pause, **entry):
        d = self.desk
        d.ticket(message_count=9, status="Resolved")
        d.message("5 10:00", "C")
        d.message("5 10:00", "H")
        d.entry(f"{5 + pause // D} {10 + pause % D // H}:{pause % H // MIN:02}", "StatusAction", "Open", "Resolved", **entry)
        row = d.metrics()
        return row["is_auto_resolved"], row["resolved_by"]

    def test_a_day(self):
        self.assertEqual(self.resolved_after(D), (1, "automation"))

    def test_25_hours(self):
        self.assertEqual(self.resolved_after(D + H), (1, "automation"))

    def test_25_hours_and_a_minute(self):
        self.assertEqual(self.resolved_after(D + H + MIN), (0, "agent"))

    def test_an_hour(self):
        self.assertEqual(self.resolved_after(H), (1, "automation"))

    def test_by_an_agent(self):
        self.assertEqual(self.resolved_after(D, sender_type="agent", sender_reference_type="ClientMember"), (0, "agent"))

    def test_by_the_ai(self):
        self.assertEqual(self.resolved_after(D, sender_type="agent"), (0, "ai"))

    def test_an_hour_without_an_entry(self):
        d = self.desk
        d.ticket(message_count=9, status="Resolved", resolved_at="5 11:00", resolution_time_ms=H)
        d.version("6 00:00", "Resolved", resolution_time_ms=H)
        d.message("5 10:00", "C")
        self.has(d.metrics(), is_auto_resolved=None, resolved_by=None)

    def test_nobody_wrote(self):
        d = self.desk
        d.ticket(message_count=9, status="Resolved")
        d.entry("6 10:00", "StatusAction", "Open", "Resolved")
        self.has(d.metrics(), is_auto_resolved=0, resolved_by="automation")


class Views(Case):
    def test_backlog_and_what_is_not_exact(self):
        d = self.desk
        # found resolved on the 8th, open on the 6th; its resolution time is not to be had
        d.ticket(status="Resolved", source_type="web", priority=2)
        d.version("6 12:00", "Open", priority=2)
        d.version("8 12:00", "Resolved", priority=2)
        d.run("9 02:30")
        rows = sorted(d.compute()["daily_metrics"], key=lambda r: r["day"])
        self.assertEqual(
            [(r["day"][8:], r["backlog"], r["backlog_low"], r["backlog_high"], r["created"], r["resolved"], r["backlog_source"]) for r in rows],
            [
                ("05", 1, 1, 1, 1, 0, "resolution_times"),
                ("06", 1, 0, 1, 0, 0, "history"),
                ("07", 1, 0, 1, 0, 0, "history"),
                ("08", 0, 0, 0, 0, 1, "history"),
            ],
        )
        self.has(rows[0], source_type="web", category_id=None, assigned_agent_id=None, priority=2, median_first_reply_ms=None)
        self.has(rows[3], median_full_resolution_ms=3 * D + 2 * H, p90_full_resolution_ms=3 * D + 2 * H)

    def test_backlog_of_a_ticket_that_was_deleted(self):
        d = self.desk
        d.ticket(deleted_at="7 12:00")
        d.version("5 12:00")
        d.version("7 12:00", is_deleted=1)
        d.run("9 02:30")
        rows = sorted(d.compute()["daily_metrics"], key=lambda r: r["day"])
        self.assertEqual(
            [(r["day"][8:], r["backlog"], r["backlog_low"], r["backlog_high"], r["created"], r["deleted"]) for r in rows],
            [("05", 1, 0, 1, 0, 0), ("06", 1, 0, 1, 0, 0), ("07", 0, 0, 0, 0, 1)],
        )

    def test_values_then_and_now(self):
        d = self.desk
        d.ticket(category_id="new", assigned_agent_id="b", priority=4)
        d.version("5 10:30", category_id="old", assigned_agent_id="a", priority=1)
        d.version("6 10:30", category_id="new", assigned_agent_id="b", priority=4)
        d.message("5 11:00", "C")
        d.message("6 11:00", "H")
        d.run("6 12:00")
        tables = d.compute()
        rows = sorted(tables["daily_metrics"], key=lambda r: r["day"])
        self.assertEqual([(r["category_id"], r["assigned_agent_id"], r["priority"]) for r in rows], [("old", "a", 1), ("new", "b", 4)])
        self.has(rows[1], public_replies=1, median_first_reply_ms=D)
        self.assertEqual({r["category_id"] for r in tables["category_metrics"]}, {"new"})

    def test_agents(self):
        d = self.desk
        d.add("agents", id="h1", name=None, email="h1@desk", snapshot_id=1)
        d.ticket(status="Resolved", assigned_agent_id="h1", csat=5, resolved_at="6 11:00", resolution_time_ms=25 * H)
        d.message("5 10:00", "C")
        d.message("5 10:30", "H")
        d.message("6 10:30", "H")
        d.version("7 00:00", "Resolved", resolution_time_ms=25 * H, csat=5, assigned_agent_id="h1")
        d.ticket("u", "5 10:00", assigned_agent_id="h1")
        d.message("5 10:10", "C", "u")
        d.run("9 00:00")
        tables = d.compute({"metrics": {"business_hours": WEEKDAYS_9_TO_5}})
        rows = sorted(tables["agent_daily"], key=lambda r: r["day"])
        self.assertEqual([r["day"][8:] for r in rows], ["05", "06", "07"])
        self.has(rows[0], agent_name="h1@desk", week="2026-01-05", public_replies=1, tickets_replied=1, first_replies=1, median_first_reply_ms=30 * MIN)
        self.has(rows[1], public_replies=1, first_replies=0, resolved=1, rated=0)
        self.has(rows[2], public_replies=0, rated=1, csat_sum=5)
        periods = {(r["period"], r["starts_on"]): r for r in tables["agent_metrics"]}
        self.assertEqual(set(periods), {("week", "2026-01-05"), ("month", "2026-01-01"), ("all", None)})
        self.has(periods[("all", None)], public_replies=2, tickets_replied=1, open=1, waiting_on_us=1, median_full_resolution_ms=25 * H)
        self.has(periods[("week", "2026-01-05")], open=None, waiting_on_us=None, resolved=1, p90_first_reply_business_ms=30 * MIN)

    def test_spam_and_deleted_tickets_are_out(self):
        d = self.desk
        d.ticket("s", status="Spam", customer_id="c")
        d.ticket("x", deleted_at="6 00:00", customer_id="c")
        d.run("9 00:00")
        tables = d.compute({"sla": [{"name": "p", "metric": "resolution", "within": "1h"}]})
        for table in ("agent_metrics", "category_metrics", "customer_metrics", "hourly_volume", "sla_results"):
            self.assertEqual(tables[table], [], table)
        self.assertEqual([(r["id"], r["is_spam"], r["is_open"]) for r in tables["live_tickets"]], [("s", 1, 0)])
        self.assertEqual(len(tables["ticket_metrics"]), 2)

    def test_categories_tags_customers(self):
        d = self.desk
        d.add("categories", id="k", name="Billing", snapshot_id=1)
        d.add("tags", id="g", name="vip", snapshot_id=1)
        d.add("customers", id="c", email="c@mail", snapshot_id=1)
        d.ticket("t1", "5 10:00", category_id="k", customer_id="c", status="Resolved", csat=3, resolved_at="5 11:00", resolution_time_ms=H)
        d.ticket("t2", "12 10:00", category_id="k", customer_id="c")  # just 7 days later
        d.ticket("t3", "19 10:00:00.001", customer_id="c", source_type="telegram-group")
        d.add("ticket_tags", ticket_id="t1", tag_id="g")
        d.run("20 00:00")
        tables = d.compute()
        everything = {r["category_id"]: r for r in tables["category_metrics"] if r["period"] == "all"}
        self.has(everything["k"], category_name="Billing", created=2, resolved=1, open=1, rated=1, csat_sum=3, ratable=1, one_touch=0, median_full_resolution_ms=H)
        self.has(everything[None], category_name=None, created=1, rated=0, csat_sum=0, ratable=0)
        self.assertEqual([(r["tag_name"], r["period"], r["starts_on"], r["created"]) for r in tables["tag_metrics"]],
                         [("vip", "week", "2026-01-05", 1), ("vip", "month", "2026-01-01", 1), ("vip", "all", None, 1)])
        self.has(
            tables["customer_metrics"][0], customer_name="c@mail", tickets=3, open=2, resolved=1, repeats_within_a_week=1,
            first_ticket_at="2026-01-05T10:00:00.000Z", last_ticket_at="2026-01-19T10:00:00.001Z", customer_messages=0, csat_sum=3
        )

    def test_hours(self):
        d = self.desk
        d.ticket()
        d.message("5 10:10", "C")
        d.message("5 12:59", "H")
        d.run("5 12:30")
        rows = d.compute({"metrics": {"time_zone": "Europe/Berlin"}})["hourly_volume"]
        self.assertEqual([(r["starts_at"][11:16], r["hour"], r["created"], r["customer_messages"], r["public_replies"]) for r in rows],
                         [("10:00", 11, 1, 1, 0), ("11:00", 12, 0, 0, 0), ("12:00", 13, 0, 0, 1)])
        self.has(rows[0], weekday=1, day="2026-01-05")

    def test_wide(self):
        d = self.desk
        d.add("tags", id="g1", name="b", snapshot_id=1)
        d.ticket(customer_id="c", assigned_agent_id="nobody")
        for tag in ("g1", "a2"):
            d.add("ticket_tags", ticket_id="t", tag_id=tag)
        for position, (label, value) in enumerate([("Order No.", "7"), ("order-no", "8"), ("Order No.", "9"), (None, "x")]):
            d.add("ticket_attributes", ticket_id="t", position=position, attribute_id="ID1", label=label, value=value)
        row = d.compute()["tickets_wide"][0]
        self.has(row, tag_names="a2, b", agent_name="nobody", attr_order_no="7", attr_order_no_2="8", attr_id1="x", category_name=None)


class Sla(Case):
    config = {
        "metrics": {"business_hours": WEEKDAYS_9_TO_5},
        "sla": [
            {"name": "urgent", "metric": "first_reply", "within": "1h", "priority": ["urgent"]},
            {"name": "done", "metric": "resolution", "within": "8h", "category": ["k"]},
        ],
    }

    def sla(self, now="2026-02-01T00:00"):
        return {r["policy"]: r for r in self.desk.compute(self.config, now)["sla_results"]}

    def test_met_and_missed(self):
        d = self.desk
        d.ticket(status="Resolved", priority=4, category_id="k", resolved_at="6 11:00", resolution_time_ms=25 * H)
        d.message("5 16:30", "C")
        d.message("6 09:30", "H")
        d.version("7 00:00", "Resolved", resolution_time_ms=25 * H, priority=4, category_id="k")
        rows = self.sla()
        self.has(rows["urgent"], started_at="2026-01-05T16:30:00.000Z", due_at="2026-01-06T09:30:00.000Z", met_at="2026-01-06T09:30:00.000Z",
                 elapsed_ms=H, is_breached=0, metric="first_reply")
        self.has(rows["done"], due_at="2026-01-06T10:00:00.000Z", met_at="2026-01-06T11:00:00.000Z", elapsed_ms=9 * H, is_breached=1)

    def test_it_runs(self):
        d = self.desk
        d.ticket(priority=4, category_id="k")
        d.message("5 10:00", "C")
        rows = self.sla("2026-01-05T11:00")
        self.has(rows["urgent"], met_at=None, elapsed_ms=H, is_breached=None)
        rows = self.sla("2026-01-05T11:00:00.001")
        self.has(rows["urgent"], met_at=None, elapsed_ms=H + 1, is_breached=1)

    def test_resolved_without_a_reply(self):
        d = self.desk
        d.ticket(status="Resolved", priority=4, resolved_at="5 10:30", resolution_time_ms=30 * MIN)
        d.message("5 10:00", "C")
        self.has(self.sla()["urgent"], met_at=None, elapsed_ms=30 * MIN, is_breached=0)

    def test_made_urgent_after_its_reply(self):
        d = self.desk
        d.ticket(priority=4, message_count=9)
        d.message("5 10:00", "C")
        d.message("5 12:00", "H")
        d.entry("5 13:00", "PriorityAction", "low", "urgent")
        self.assertEqual(self.sla(), {})


class Comparison(Case):
    def run_main(self, *arguments):
        self.desk.connection.commit()
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = mc.main([self.desk.path, *arguments])
        return code, out.getvalue()

    def store_tables(self):
        for table, rows in self.desk.compute().items():
            columns = list(rows[0]) if rows else ["ticket_id"]
            self.desk.connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
            self.desk.connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", [[r[c] for c in columns] for r in rows])

    def test_codes(self):
        d = self.desk
        d.ticket(customer_id="c")
        d.add("customers", id="c", name="C", snapshot_id=1)
        d.message("5 10:00", "C")
        d.message("5 10:30", "H")
        d.run("6 00:00")
        self.assertEqual(self.run_main()[0], 2)
        self.assertEqual(self.run_main("--skip-missing")[0], 0)
        self.store_tables()
        self.assertEqual(self.run_main()[0], 0)
        d.connection.execute("UPDATE ticket_metrics SET first_reply_ms = first_reply_ms + 1")
        code, out = self.run_main()
        self.assertEqual(code, 1)
        self.assertIn("ticket_metrics ('t',) first_reply_ms: stored 1800001, computed 1800000", out)
        self.assertEqual(self.run_main("--tables", "daily_metrics")[0], 0)
        d.connection.execute("DELETE FROM hourly_volume WHERE created = 1")
        self.assertEqual(self.run_main("--tables", "hourly_volume")[0], 1)


if __name__ == "__main__":
    unittest.main()
