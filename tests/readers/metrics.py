#!/usr/bin/env python3
"""Computes the support metrics of docs/metrics.md a second time, and compares them with what a store holds.

    metrics.py DB [--config FILE.toml] [--now INSTANT] [--tables a,b] [--skip-missing]

Written from docs/metrics.md and docs/tables.md alone. Comments in quotation marks are sentences of docs/metrics.md. "Q12" points to the question of that number in
metrics_questions.md, where the document left something open and what is done here is only one way to read it.

Inside, instants are whole milliseconds since 1970 (UTC), None is NULL. They become text only in the rows that compute() gives back.
"""

from __future__ import annotations

import argparse
import bisect
import functools
import json
import re
import sqlite3
import sys
import time
import tomllib
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

# "open means that `status` is `Open`, `Pending` or `Waiting`; resolved, that it is `Resolved`; spam, that it is `Spam`"
OPEN = ("Open", "Pending", "Waiting")
RESOLVED = "Resolved"
SPAM = "Spam"
STATUSES = OPEN + (RESOLVED, SPAM)
STATUS_WORDS = {word.lower(): word for word in STATUSES}

KINDS = ("status", "assignee", "priority", "category", "tag", "rating", "deletion")

KEYS = {
    "ticket_metrics": ("ticket_id",),
    "ticket_events": ("ticket_id", "position"),
    "live_tickets": ("id",),
    "live_messages": ("ticket_id", "id"),
    "daily_metrics": ("day", "source_type", "category_id", "assigned_agent_id", "priority"),
    "agent_daily": ("agent_id", "day"),
    "agent_metrics": ("agent_id", "period", "starts_on"),
    "category_metrics": ("category_id", "period", "starts_on"),
    "tag_metrics": ("tag_id", "period", "starts_on"),
    "customer_metrics": ("customer_id",),
    "hourly_volume": ("starts_at",),
    "tickets_wide": ("id",),
    "customers_wide": ("id",),
    "sla_results": ("ticket_id", "policy"),
}
TABLES = tuple(KEYS)


# ------------------------------------------------------------------------------------------------------------------- instants, percentiles


def parse_instant(text):
    """`2026-01-31T09:05:00.123Z` to milliseconds."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return (moment - EPOCH) // timedelta(milliseconds=1)


def format_instant(ms):
    """Milliseconds to `2026-01-31T09:05:00.123Z`."""
    if ms is None:
        return None
    moment = EPOCH + timedelta(milliseconds=ms)
    # strftime("%Y") gives years before 1000 without their zeros
    return (
        f"{moment.year:04}-{moment.month:02}-{moment.day:02}T{moment.hour:02}:{moment.minute:02}:{moment.second:02}"
        f".{moment.microsecond // 1000:03}Z"
    )


def duration(since, until):
    """"Durations are whole milliseconds […] A duration that would be negative is NULL." """
    if since is None or until is None or until < since:
        return None
    return until - since


def percentile(values, numerator, denominator):
    """"Percentiles and medians interpolate linearly between the two nearest values and are rounded to the millisecond, halves away from 0." (Q30)"""
    values = sorted(v for v in values if v is not None)
    if not values:
        return None
    index, rest = divmod((len(values) - 1) * numerator, denominator)
    if rest == 0:
        return values[index]
    exact = values[index] * denominator + (values[index + 1] - values[index]) * rest  # in 1/denominator ms
    rounded = (2 * abs(exact) + denominator) // (2 * denominator)
    return rounded if exact >= 0 else -rounded


def median(values):
    return percentile(values, 1, 2)


def p90(values):
    return percentile(values, 9, 10)


def total(values):
    """SUM of SQL: NULL where there is no value."""
    values = [v for v in values if v is not None]
    return sum(values) if values else None


# ------------------------------------------------------------------------------------------------------------------- zone and business time


class Zone:
    """A time zone as stretches of one offset: (from, until, offset), all in ms."""

    FIRST, LAST = date(1970, 1, 1), date(2101, 1, 1)

    def __init__(self, name):
        self.zone = ZoneInfo(name)
        low, high = self._utc(self.FIRST), self._utc(self.LAST)
        self.segments = []
        begin, offset = low, self._offset(low)
        at = low
        while at < high:
            following = min(at + DAY // 2, high)
            if self._offset(following) != offset:
                change = self._bisect(at, following, offset)
                self.segments.append((begin, change, offset))
                begin, offset = change, self._offset(change)
            at = following
        self.segments.append((begin, high, offset))
        self.starts = [s[0] for s in self.segments]
        self.low, self.high = low, high

    @staticmethod
    def _utc(day):
        return (day.toordinal() - EPOCH_ORDINAL) * DAY

    def _offset(self, ms):
        moment = (EPOCH + timedelta(milliseconds=ms)).astimezone(self.zone)
        return moment.utcoffset() // timedelta(milliseconds=1)

    def _bisect(self, low, high, offset):
        """The first second at which the offset is another."""
        while high - low > SECOND:
            middle = (low + high) // 2 // SECOND * SECOND
            if self._offset(middle) == offset:
                low = middle
            else:
                high = middle
        return high

    def offset(self, ms):
        if self.low <= ms < self.high:
            return self.segments[bisect.bisect_right(self.starts, ms) - 1][2]
        return self._offset(ms)

    def day_number(self, ms):
        """The local date, as days since 1970-01-01."""
        return (ms + self.offset(ms)) // DAY

    def day(self, ms):
        return day_text(self.day_number(ms))

    def last_instants(self, since, until):
        """[(day number, the last ms that is on that local date)] of all local dates from that of `since` to that of `until`."""
        last = {}
        first_day, last_day = self.day_number(since), self.day_number(until)
        for begin, end, offset in self.segments:
            if end <= since - 2 * DAY or begin > until + 2 * DAY:
                continue
            low = max(first_day, (begin + offset) // DAY)
            high = min(last_day, (end - 1 + offset) // DAY)
            for number in range(low, high + 1):
                last[number] = min((number + 1) * DAY - offset, end) - 1
        return sorted(last.items())

    def hours(self, since, until):
        """The beginnings of all local hours from that in which `since` lies to that in which `until` lies.

        "In zones with half hours an hour begins at the full local one; what a change of clocks leaves of one is a row too."
        """
        starts = []
        for begin, end, offset in self.segments:
            if end <= since or begin > until:
                continue
            at = begin if begin > since else max(begin, (since + offset) // HOUR * HOUR - offset)
            while at < end and at <= until:
                starts.append(at)
                at = ((at + offset) // HOUR + 1) * HOUR - offset
        return starts


@functools.cache
def zone_named(name):
    return Zone(name)


def day_text(number):
    return date.fromordinal(number + EPOCH_ORDINAL).isoformat()


def week_text(number):
    """"Weeks begin on Monday." """
    day = date.fromordinal(number + EPOCH_ORDINAL)
    return (day - timedelta(days=day.weekday())).isoformat()


def month_text(number):
    return date.fromordinal(number + EPOCH_ORDINAL).replace(day=1).isoformat()


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def parse_time_of_day(text):
    found = re.fullmatch(r"(\d{1,2}):(\d\d)", text.strip())
    if not found:
        raise ValueError(f"not a time of day: {text!r}")
    ms = int(found[1]) * HOUR + int(found[2]) * MINUTE
    if ms > DAY or int(found[2]) > 59:
        raise ValueError(f"not a time of day: {text!r}")
    return ms


def parse_spans(hours):
    """`{ mon = ["09:00-12:30", "13:30-17:00"] }` to seven lists of (from, until) in ms of the day, overlaps put together."""
    week = [[] for _ in WEEKDAYS]
    for name, spans in hours.items():
        if name[:3].lower() not in WEEKDAYS:
            raise ValueError(f"not a weekday: {name!r}")
        for span in [spans] if isinstance(spans, str) else spans:
            begin, end = (parse_time_of_day(part) for part in span.split("-"))
            if end <= begin:
                raise ValueError(f"a span that ends before it begins: {span!r}")  # Q32
            week[WEEKDAYS.index(name[:3].lower())].append((begin, end))
    return [merge(spans) for spans in week]


def merge(spans):
    merged = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([begin, end])
    return [tuple(span) for span in merged]


class BusinessTime:
    """"Milliseconds between two instants during which the desk is open, by `[metrics]` in the configuration" """

    def __init__(self, zone, hours, holidays):
        # "`24/7`, the default, is plain elapsed time and has no holidays."
        self.always = hours == "24/7"
        if self.always:
            return
        if isinstance(hours, str):
            raise ValueError(f"business_hours is neither 24/7 nor a table: {hours!r}")
        self.begins, self.ends = self._spans(zone, parse_spans(hours), {str(day) for day in holidays})
        self.before = [0]  # business time before each span
        for begin, end in zip(self.begins, self.ends):
            self.before.append(self.before[-1] + end - begin)

    @staticmethod
    def _spans(zone, week, holidays):
        """"An instant is business time if its local time of day in `time_zone` is within one of the spans `[from, until)` of its local weekday, and its
        local date is no holiday. So where clocks go forward, a span that is cut counts as long as it lasted, and where they go back, one that is
        repeated counts twice." """
        first = date(2000, 1, 1).toordinal() - EPOCH_ORDINAL  # "Business time is known from 2000 to 2099" (Q33)
        last = date(2099, 12, 31).toordinal() - EPOCH_ORDINAL
        found = []
        for begin, end, offset in zone.segments:
            for number in range(max(first, (begin + offset) // DAY), min(last, (end - 1 + offset) // DAY) + 1):
                day = date.fromordinal(number + EPOCH_ORDINAL)
                spans = week[day.weekday()]
                if not spans or day.isoformat() in holidays:
                    continue
                for opens, closes in spans:
                    low = max(begin, number * DAY + opens - offset)
                    high = min(end, number * DAY + closes - offset)
                    if low < high:
                        found.append((low, high))
        merged = merge(found)
        return [s[0] for s in merged], [s[1] for s in merged]

    def _until(self, ms):
        """Business time from 2000 until then."""
        index = bisect.bisect_right(self.begins, ms) - 1
        if index < 0:
            return 0
        return self.before[index] + min(ms, self.ends[index]) - self.begins[index]

    def between(self, since, until):
        if since is None or until is None or until < since:
            return None
        if self.always:
            return until - since
        # "Without hours nothing is business time: the result is 0, not NULL."
        return self._until(until) - self._until(since)

    def after(self, since, within):
        """"The first instant at which `within` of business time is over since `started_at`. NULL where it never is." """
        if self.always or within <= 0:
            return since + within
        wanted = self._until(since) + within
        index = bisect.bisect_left(self.before, wanted) - 1  # the span in which it is over: before[index] < wanted <= before[index + 1]
        if index >= len(self.begins):
            return None
        return self.begins[index] + wanted - self.before[index]


# ------------------------------------------------------------------------------------------------------------------- configuration

UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "min": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
PRIORITY_NAMES = {"low": 1, "medium": 2, "high": 3, "urgent": 4}


def parse_within(value):
    """`30m`, `4h`, `1h30m`, `2d` (48 hours of business time, Q34), or a number of ms."""
    if isinstance(value, int):
        return value
    parts = re.findall(r"(\d+)\s*(ms|min|[smhdw])", value)
    if not parts or re.sub(r"\d+\s*(ms|min|[smhdw])", "", value).strip():
        raise ValueError(f"not a duration: {value!r}")
    return sum(int(number) * UNITS[unit] for number, unit in parts)


def as_list(value):
    return value if isinstance(value, list) else [value]


class Policy:
    def __init__(self, given):
        self.name = given["name"]
        self.metric = given["metric"]
        if self.metric not in ("first_reply", "resolution"):
            raise ValueError(f"not a metric: {self.metric!r}")
        self.within = parse_within(given["within"])
        self.priorities = self.categories = None
        if given.get("priority") is not None:
            self.priorities = {p if isinstance(p, int) else PRIORITY_NAMES[p.lower()] for p in as_list(given["priority"])}
        if given.get("category") is not None:
            self.categories = set(as_list(given["category"]))


class Config:
    """`[metrics]` and `[[sla]]` of the configuration file, as a dictionary."""

    def __init__(self, given=None):
        given = given or {}
        metrics = given.get("metrics", {})
        self.zone = zone_named(metrics.get("time_zone", "UTC"))
        self.business = BusinessTime(self.zone, metrics.get("business_hours", "24/7"), metrics.get("holidays", []))
        self.policies = [Policy(p) for p in as_list(given.get("sla", metrics.get("sla", [])))]


# ------------------------------------------------------------------------------------------------------------------- what is read


class Message:
    __slots__ = ("row", "id", "position", "sender_type", "reference", "sender_id", "created_at", "group")

    def __init__(self, row):
        self.row = row
        self.id = row["id"]
        self.position = row["position"]
        self.sender_type = row["sender_type"]
        self.reference = row["sender_reference_type"]
        self.sender_id = row["sender_id"]
        self.created_at = parse_instant(row["created_at"])
        self.group = None  # deleted, note, audit, customer, human, ai or automation


class Version:
    __slots__ = ("valid_from", "status", "priority", "category", "agent", "tags", "csat", "resolution_time_ms", "is_deleted")

    def __init__(self, row):
        self.valid_from = parse_instant(row["valid_from"])
        self.status = row["status"]
        self.priority = row["priority"]
        self.category = row["category_id"]
        self.agent = row["assigned_agent_id"]
        self.tags = set(json.loads(row["tags_json"] or "[]"))
        self.csat = row["csat"]
        self.resolution_time_ms = row["resolution_time_ms"]
        self.is_deleted = bool(row["is_deleted"])


class Change:
    __slots__ = ("kind", "from_value", "to_value", "at", "not_before", "source", "actor_type", "actor_id", "place", "comes_from")

    def __init__(self, kind, from_value, to_value, at, not_before=None, source="history", actor_type=None, actor_id=None, place=None):
        self.kind = kind
        self.from_value = from_value
        self.to_value = to_value
        self.at = at
        self.not_before = not_before  # None: exact
        self.source = source
        self.actor_type = actor_type
        self.actor_id = actor_id
        self.place = place  # of an audit entry, its place in the thread
        self.comes_from = from_value  # of an audit entry without a from_value, where the entry before it led

    @property
    def is_exact(self):
        return self.not_before is None

    @property
    def is_audit(self):
        return self.source == "audit"


class Ticket:
    """A row of tickets with what belongs to it, and what was computed of it."""

    def __init__(self, row):
        self.row = row
        self.id = row["id"]
        self.status = row["status"]
        self.created_at = parse_instant(row["created_at"])
        self.resolved_at = parse_instant(row["resolved_at"])
        self.is_deleted = row["deleted_at"] is not None
        self.is_spam = self.status == SPAM
        self.is_open = self.status in OPEN
        self.is_resolved = self.status == RESOLVED
        self.is_live = not self.is_deleted and not self.is_spam
        self.was_read = row["message_count"] is not None
        self.all_messages = []  # as stored, in the order of position
        self.versions = []
        # made by analyse()
        self.reply_rule = None
        self.dated = []
        self.replies = []
        self.ai_replies = []
        self.changes = []
        self.values = {}
        self.metrics = {}


class Store:
    """What the database holds."""

    def __init__(self, connection):
        def rows(query):
            return connection.execute(query).fetchall()

        self.tickets = {row["id"]: Ticket(row) for row in rows("SELECT * FROM tickets")}
        for row in rows("SELECT * FROM messages ORDER BY ticket_id, position"):
            if row["ticket_id"] in self.tickets:
                self.tickets[row["ticket_id"]].all_messages.append(Message(row))
        # "Versions are in the order of `valid_from`."
        for row in rows("SELECT * FROM ticket_history ORDER BY ticket_id, valid_from"):
            if row["ticket_id"] in self.tickets:
                self.tickets[row["ticket_id"]].versions.append(Version(row))
        self.agents = {row["id"]: row for row in rows("SELECT * FROM agents")}
        self.categories = {row["id"]: row for row in rows("SELECT * FROM categories")}
        self.customers = {row["id"]: row for row in rows("SELECT * FROM customers")}
        self.tags = {row["id"]: row for row in rows("SELECT * FROM tags")}
        self.ticket_tags = defaultdict(list)
        for row in rows("SELECT * FROM ticket_tags"):
            self.ticket_tags[row["ticket_id"]].append(row["tag_id"])
        self.ticket_attributes = rows(
            "SELECT a.* FROM ticket_attributes a JOIN tickets t ON t.id = a.ticket_id ORDER BY t.created_at, t.id, a.position"
        )
        self.customer_attributes = rows("SELECT * FROM customer_attributes ORDER BY customer_id, position")
        self.snapshots = rows("SELECT * FROM snapshots ORDER BY id")

    def agent_name(self, agent_id):
        """"Name, else e-mail, else id." """
        row = self.agents.get(agent_id)
        return first_of(row and row["name"], row and row["email"], agent_id)

    def customer_name(self, customer_id):
        row = self.customers.get(customer_id)
        return first_of(row and row["name"], row and row["email"], customer_id)

    def category_name(self, category_id):
        row = self.categories.get(category_id)
        return first_of(row and row["name"], category_id)

    def tag_name(self, tag_id):
        row = self.tags.get(tag_id)
        return first_of(row and row["name"], tag_id)

    def last_run(self):
        """When "the last finished run began" (Q24)."""
        begun = [parse_instant(row["started_at"]) for row in self.snapshots if row["finished_at"] is not None]
        return begun[-1] if begun else None


def first_of(*values):
    return next((v for v in values if v is not None), None)


# ------------------------------------------------------------------------------------------------------------------- messages


def small_letters(text):
    """"with A to Z as small letters" """
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text or "")


def is_handed_over(ai_status):
    """"It says handed over if it contains `handed`, `hando`, `hand o`, `hand_o`, `hand-o`, `escalat` or `transfer`" """
    word = small_letters(ai_status)
    return any(part in word for part in ("handed", "hando", "hand o", "hand_o", "hand-o", "escalat", "transfer"))


def is_solved(ai_status):
    """"else solved if it contains `solved` and none of `unsolved`, `unresolved`, `not`." """
    word = small_letters(ai_status)
    return not is_handed_over(ai_status) and "solved" in word and not any(part in word for part in ("unsolved", "unresolved", "not"))


def classify(messages, ai_status):
    """"Every message of a thread is in exactly one class. The first line that fits decides". Gives the thread's reply rule."""
    if not messages:
        return None  # "NULL of a thread without messages."
    # "`reference_type`: at least one message of the thread, deleted ones included, has a `sender_reference_type`."
    rule = "reference_type" if any(m.reference is not None for m in messages) else "sender_type"
    others = []
    for m in messages:
        if m.row["is_deleted"] == 1:
            m.group = "deleted"
        elif m.row["message_type"] == "InternalNote":
            m.group = "note"
        elif m.row["message_type"] not in (None, "ExternalMessage"):
            m.group = "audit"
        elif m.sender_type == "customer":
            m.group = "customer"
        else:
            others.append(m)
    by_agents = [m for m in others if m.sender_type == "agent"]
    nobody_named = all(m.sender_id is None for m in by_agents)  # "if none has a `sender_id`" (Q3)
    for m in others:
        m.group = "automation"  # "all others […] It counts nowhere and stops no clock"
        if rule == "reference_type":
            # "A message is human where that is `ClientMember`, whatever `sender_type` says but `customer`; else it is of the AI where `sender_type` =
            # `agent`."
            if m.reference == "ClientMember":
                m.group = "human"
            elif m.sender_type == "agent":
                m.group = "ai"
        elif m.sender_type == "agent":
            # "of the AI, where the ticket's `ai_status` says that the AI solved it; where it says that it was handed over, human if they have a
            # `sender_id`, else of the AI, but human all of them if none has a `sender_id`; with any other `ai_status`, or none, human."
            if is_solved(ai_status):
                m.group = "ai"
            elif is_handed_over(ai_status):
                m.group = "human" if m.sender_id is not None or nobody_named else "ai"
            else:
                m.group = "human"
    return rule


def in_order(messages):
    """"Messages are in the order of `created_at`, then `position`. Messages without `created_at` count in `customer_message_count` and
    `private_note_count`, and nowhere else." """
    return sorted((m for m in messages if m.created_at is not None), key=lambda m: (m.created_at, m.position))


def replies_of(ticket, group):
    """"In the order of the thread, take the customer's and the humans' messages, without human ones from before the ticket's `created_at`. A human
    message belongs to the reply before it if the message before it in this list is human too, has the same `sender_id` (NULL equals NULL), and is at
    most 600,000 ms (ten minutes) older. Else it begins a new reply." Gives the first message of each reply."""
    replies, before = [], None
    for m in ticket.dated:
        if m.group == "customer":
            before = m
        elif m.group == group and m.created_at >= ticket.created_at:
            same = (
                before is not None
                and before.group == group
                and before.sender_id == m.sender_id
                and m.created_at - before.created_at <= 600_000
            )
            if not same:
                replies.append(m)
            before = m
    return replies


def public_messages(ticket):
    """"A public message is one by the customer, a human or the AI." Here always "leaving out agents' from before `created_at`"."""
    return [
        m
        for m in ticket.dated
        if m.group == "customer" or (m.group in ("human", "ai") and m.created_at >= ticket.created_at)
    ]


# ------------------------------------------------------------------------------------------------------------------- changes


def audit_kind(message_type, from_value, to_value):
    """"The kind is the first of these words that its `message_type` contains, in any case: `status`, `assign`, `priorit` (priority), `categor`
    (category), `tag`. If none, it is a change of status if one of its two values is `Open`, `Pending`, `Waiting`, `Resolved` or `Spam`. Else it is no
    change." (Q7)"""
    lower = message_type.lower()
    for word, kind in (("status", "status"), ("assign", "assignee"), ("priorit", "priority"), ("categor", "category"), ("tag", "tag")):
        if word in lower:
            return kind
    # "in any case"
    if any(value is not None and value.lower() in STATUS_WORDS for value in (from_value, to_value)):
        return "status"
    return None


def audit_value(value, kind):
    """"Values are trimmed; empty is NULL. […] Of an assignee, `Unassigned` is NULL. Of a priority, `low`, `medium`, `high`, `urgent` in any case are 1 to
    4. All other values stay as they are written." """
    value = value.strip() if value is not None else None
    if not value or (kind == "assignee" and value.lower() == "unassigned"):
        return None
    if kind == "status":
        # "Statuses in another case become these words."
        return STATUS_WORDS.get(value.lower(), value)
    if kind == "priority" and value.lower() in PRIORITY_NAMES:
        return str(PRIORITY_NAMES[value.lower()])
    return value


def audit_actor(message, rule, customers):
    """"`agent` if `sender_reference_type` is `ClientMember`; `customer` if it is `Customer` or `DiscordUser`; else by `sender_type`: `customer`; for `agent`
    the same word by the rule `sender_type` and `ai` by the other; for `system`, which writes down what others do, `system` without a `sender_id`, `customer`
    if a public message by the customer has the same `sender_id`, else `agent`. Else NULL." `customers` are the senders of those messages."""
    if message.reference == "ClientMember":
        return "agent"
    if message.reference in ("Customer", "DiscordUser"):
        return "customer"
    if message.sender_type == "customer":
        return message.sender_type
    if message.sender_type == "system":
        if message.sender_id is None:
            return "system"
        return "customer" if message.sender_id in customers else "agent"
    if message.sender_type == "agent":
        return "agent" if rule == "sender_type" else "ai"
    return None


def audit_changes(ticket):
    """"Audit entries. One counts if it was not deleted, has a `created_at`, and `action_log_from` and `action_log_to` differ after the following." Gives
    the changes of each kind, in the order of the thread."""
    changes = defaultdict(list)
    customers = {m.sender_id for m in ticket.dated if m.group == "customer"}
    for m in ticket.dated:
        if m.group != "audit":
            continue
        raw_from, raw_to = m.row["action_log_from"], m.row["action_log_to"]
        kind = audit_kind(m.row["message_type"], audit_value(raw_from, None), audit_value(raw_to, None))
        if kind is None:
            continue
        from_value, to_value = audit_value(raw_from, kind), audit_value(raw_to, kind)
        if from_value == to_value:
            continue
        change = Change(
            kind,
            from_value,
            to_value,
            m.created_at,
            source="audit",
            actor_type=audit_actor(m, ticket.reply_rule, customers),
            actor_id=m.sender_id,
            place=m.position,
        )
        # "An audit entry whose `action_log_from` is NULL comes from where the entry before it led." (Q12)
        if from_value is None and changes[kind]:
            change.comes_from = changes[kind][-1].to_value
        changes[kind].append(change)
    return changes


def text(value):
    return None if value is None else str(value)


def trusts_resolution_times(ticket):
    """"Where `tickets.resolved_at` is NULL although the ticket is resolved and has a `resolution_time_ms`, the desk's resolution times are not to be
    trusted, and none are used." (Q8)"""
    return not (ticket.is_resolved and ticket.row["resolution_time_ms"] is not None and ticket.resolved_at is None)


def resolution_instant(ticket, version):
    """"A version that is resolved says with `resolution_time_ms` when: `created_at` + `resolution_time_ms`." """
    if version.status != RESOLVED or version.resolution_time_ms is None or not trusts_resolution_times(ticket):
        return None
    return ticket.created_at + version.resolution_time_ms


def status_changes_from_history(ticket):
    versions = [v for v in ticket.versions if not v.is_deleted]
    if not versions:
        # "No version that is not deleted. A ticket without any version that is resolved and has `resolved_at` at or after `created_at` has one change,
        # from NULL to `Resolved`, at `resolved_at`, exact." (Q10)
        if ticket.is_resolved and ticket.resolved_at is not None and ticket.resolved_at >= ticket.created_at:
            return [Change("status", None, RESOLVED, ticket.resolved_at)]
        return []
    changes = []
    first = versions[0]
    if first.status == RESOLVED:
        # "If it is resolved, there is one more change, from NULL to `Resolved`: at the instant of its resolution time if there is one at or after
        # `created_at` and not after `valid_from`; else at `valid_from`, not before `created_at`."
        at = resolution_instant(ticket, first)
        if at is not None and ticket.created_at <= at <= first.valid_from:
            changes.append(Change("status", None, RESOLVED, at))
        else:
            changes.append(Change("status", None, RESOLVED, first.valid_from, ticket.created_at))
    for earlier, later in zip(versions, versions[1:]):
        floor = changes[-1].at if changes else ticket.created_at
        at = resolution_instant(ticket, later)
        known = at is not None and floor <= at <= later.valid_from
        if earlier.status != later.status:
            # "A change to `Resolved` is dated by it, exactly, if that lies neither before the change of status before it (or `created_at`) nor after
            # `valid_from`."
            if later.status == RESOLVED and known:
                changes.append(Change("status", earlier.status, later.status, at))
            else:
                # "it is dated `valid_from` of the later, which is when a sync saw it, and happened between `valid_from` of the earlier (`not_before`)
                # and that"
                changes.append(Change("status", earlier.status, later.status, later.valid_from, earlier.valid_from))
        elif later.status == RESOLVED and known:
            # "Resolved again. Two versions that follow one another, both resolved, whose resolution times differ: the later, if it is the greater one,
            # and neither before the change before it nor after `valid_from`, is a change from NULL to `Resolved`, exact." (Q9: both must be known)
            if earlier.resolution_time_ms is not None and later.resolution_time_ms > earlier.resolution_time_ms:
                changes.append(Change("status", None, RESOLVED, at))
    return changes


def value_changes_from_history(ticket, kind, value):
    """"Statuses, agents, categories and priorities are compared between versions that are not deleted." """
    versions = [v for v in ticket.versions if not v.is_deleted]
    return [
        Change(kind, text(value(earlier)), text(value(later)), later.valid_from, earlier.valid_from)
        for earlier, later in zip(versions, versions[1:])
        if value(earlier) != value(later)
    ]


def tag_changes_from_history(ticket):
    """"From history, a tag put on comes from NULL, one taken off goes to NULL." Compared between all versions, deleted ones too (Q11)."""
    changes = []
    for earlier, later in zip(ticket.versions, ticket.versions[1:]):
        for tag in sorted(earlier.tags - later.tags):
            changes.append(Change("tag", tag, None, later.valid_from, earlier.valid_from))
        for tag in sorted(later.tags - earlier.tags):
            changes.append(Change("tag", None, tag, later.valid_from, earlier.valid_from))
    return changes


def rating_changes(ticket):
    first = next((v for v in ticket.versions if not v.is_deleted), None)
    changes = []
    for earlier, later in zip([None, *ticket.versions], ticket.versions):
        if later is first and later.csat is not None and (earlier is None or earlier.is_deleted):
            # "If it has a rating, there is a change of rating from NULL, at `valid_from`, not before `created_at`." (Q11)
            changes.append(Change("rating", None, text(later.csat), later.valid_from, ticket.created_at))
        elif earlier is not None and earlier.csat != later.csat:
            changes.append(Change("rating", text(earlier.csat), text(later.csat), later.valid_from, earlier.valid_from))
    return changes


def deletion_changes(ticket):
    """"of a deletion 1, of one that the API shows again 0, the other way in `from_value`" """
    changes = []
    if ticket.versions and ticket.versions[0].is_deleted:
        # "If the first of all versions is deleted, there is a change of deletion, in the same way."
        changes.append(Change("deletion", "0", "1", ticket.versions[0].valid_from, ticket.created_at))
    for earlier, later in zip(ticket.versions, ticket.versions[1:]):
        if earlier.is_deleted != later.is_deleted:
            changes.append(
                Change("deletion", str(int(earlier.is_deleted)), str(int(later.is_deleted)), later.valid_from, earlier.valid_from)
            )
    return changes


def left_out_resolutions(ticket, entries):
    """"What audit entries leave out. Where an entry of status comes from `Resolved` and the entry before it (or nothing) did not lead to it, or where the
    ticket is resolved and the last entry does not lead there, the resolution in between is taken from resolution times: of `created_at` +
    `resolution_time_ms` of all resolved versions, and `tickets.resolved_at`, the latest that is not before the entry before (or `created_at`), and before
    the entry itself, if there is one. It is one more change from NULL to `Resolved`, exact, `source` = `history`." """
    known = [resolution_instant(ticket, v) for v in ticket.versions]
    known = [at for at in [*known, ticket.resolved_at] if at is not None]

    def between(before, entry):
        floor = before.at if before is not None else ticket.created_at
        fitting = [at for at in known if floor <= at and (entry is None or at < entry.at)]
        return [Change("status", None, RESOLVED, max(fitting))] if fitting else []

    found = []
    for before, entry in zip([None, *entries], entries):
        if entry.comes_from == RESOLVED and (before is None or before.to_value != RESOLVED):
            found += between(before, entry)
    if ticket.is_resolved and entries[-1].to_value != RESOLVED:
        found += between(entries[-1], None)
    return found


def all_changes(ticket):
    """"For each kind by itself: if the thread has one audit entry of the kind that counts, its changes come from audit entries. Else they come from
    `ticket_history`. Ratings and deletions always come from `ticket_history`." """
    audit = audit_changes(ticket)
    changes = list(audit["status"]) or status_changes_from_history(ticket)
    if audit["status"]:
        changes += left_out_resolutions(ticket, audit["status"])
    changes += audit["assignee"] or value_changes_from_history(ticket, "assignee", lambda v: v.agent)
    changes += audit["priority"] or value_changes_from_history(ticket, "priority", lambda v: v.priority)
    changes += audit["category"] or value_changes_from_history(ticket, "category", lambda v: v.category)
    changes += audit["tag"] or tag_changes_from_history(ticket)
    changes += rating_changes(ticket) + deletion_changes(ticket)
    # "in the order of: `occurred_at`; audit entries before others; the thread's order; kinds as in the next line; of tags, those taken off before those
    # put on, then their ids."
    changes.sort(key=change_order)
    return changes


def change_order(change):
    is_tag = change.kind == "tag"
    return (
        change.at,
        0 if change.is_audit else 1,
        change.place if change.is_audit else 0,
        KINDS.index(change.kind),
        (0 if change.to_value is None else 1) if is_tag else 0,
        (change.from_value or change.to_value or "") if is_tag else "",
    )


def is_resolution(change):
    """"Resolution: a change of status to `Resolved` that does not come from it." """
    return change.kind == "status" and change.to_value == RESOLVED and change.comes_from != RESOLVED


def is_reopening(change):
    """"Reopening: a change from `Resolved` to an open status." """
    return change.kind == "status" and change.comes_from == RESOLVED and change.to_value in OPEN


class Values:
    """"The value at an instant of a kind: where the last change at or before it led to; if there is none, where the first change later comes from; if
    there is no change at all, what the ticket has now." """

    def __init__(self, changes, kind, now):
        mine = [c for c in changes if c.kind == kind]
        self.instants = [c.at for c in mine]
        self.results = [c.to_value for c in mine]
        self.initial = mine[0].from_value if mine else now

    def at(self, instant):
        index = bisect.bisect_right(self.instants, instant)
        return self.results[index - 1] if index else self.initial


def as_priority(value):
    """"The priority at that instant; NULL where it is no number." """
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"[+-]?[0-9]+", value) else None
    return value


# ------------------------------------------------------------------------------------------------------------------- whose turn it is


def turn_items(ticket):
    """Public messages and changes of status, in order. "Of messages and changes at one instant, a change from history comes last, an audit entry at its
    place in the thread." """
    items = [(m.created_at, 0, m.position, m.group, None) for m in public_messages(ticket)]
    for number, c in enumerate(c for c in ticket.changes if c.kind == "status"):
        items.append((c.at, 0, c.place, "change", c) if c.is_audit else (c.at, 1, number, "change", c))
    return sorted(items, key=lambda item: item[:3])


def stretches(ticket):
    """"A ticket is open from `created_at`, stops being open with a change to a status that is not open, and is open again with a change to one that is.
    While it is open, it waits on the agent where the last public message is the customer's, and on the customer where it is of a human or the AI. […] A
    stretch begins when the ticket is open and the turn comes to one side, and ends when the turn comes to the other or the ticket is not open any
    more." (Q13) Gives the stretches that are over as (side, since, until), and the one that runs as (side, since) or None."""
    over = []
    is_open, side, since = True, None, None
    for at, _, _, what, change in turn_items(ticket):
        at = max(at, ticket.created_at)
        new_open, new_side = is_open, side
        if what == "change":
            new_open = change.to_value in OPEN
        else:
            new_side = "agent" if what == "customer" else "customer"
        if is_open and side is not None and (not new_open or new_side != side):
            over.append((side, since, at))
            since = None
        if new_open and new_side is not None and since is None:
            since = at
        is_open, side = new_open, new_side
    return over, (side, since) if is_open and side is not None else None


def unassigned(ticket):
    """"Time in which the ticket was open and had no agent, in stretches that are over: with an assignment, or with the ticket no more open. The agent
    before the first change is where that comes from; without a change, the present one. NULL where that is an agent, and no audit entry says so: nobody
    saw when." (Q14)"""
    changes = [c for c in ticket.changes if c.kind == "assignee"]
    agent = changes[0].from_value if changes else ticket.row["assigned_agent_id"]
    if agent is not None and not (changes and changes[0].is_audit):
        return None
    sum_ms, is_open = 0, True
    since = ticket.created_at if agent is None else None
    for c in ticket.changes:
        if c.kind == "status":
            is_open = c.to_value in OPEN
        elif c.kind == "assignee":
            agent = c.to_value
        else:
            continue
        at = max(c.at, ticket.created_at)
        if since is not None and not (is_open and agent is None):
            sum_ms += at - since
            since = None
        elif since is None and is_open and agent is None:
            since = at
    return sum_ms


def handoffs(ticket):
    """"Changes of assignee to an agent other than the last one before, also with nobody in between. The first agent is none." (Q15)"""
    count, last = 0, None
    for c in ticket.changes:
        if c.kind != "assignee":
            continue
        if c.from_value is not None:
            last = c.from_value
        if c.to_value is not None:
            if last is not None and c.to_value != last:
                count += 1
            last = c.to_value
    return count


# ------------------------------------------------------------------------------------------------------------------- ticket_metrics


def automatic(ticket, resolution):
    """Automatic. "Whether Mava closed it because nobody wrote, below. NULL without a resolution, and where nobody can tell." """
    if resolution is None or not ticket.was_read:
        return None
    # 1. "NULL, if the last resolution is not exact"
    if not resolution.is_exact:
        return None
    # "The pause is the time from the last public message at or before the last resolution to it, leaving out agents' messages from before `created_at`."
    before = [m.created_at for m in public_messages(ticket) if m.created_at <= resolution.at]
    # 2. "0, if it is an audit entry whose `actor_type` is `agent`, `ai` or `customer`; and if there is no such message"
    if (resolution.is_audit and resolution.actor_type in ("agent", "ai", "customer")) or not before:
        return 0
    pause = resolution.at - before[-1]
    # 3. "1, if the pause is 86,400,000 to 90,000,000 ms (24 to 25 hours), ends included"
    if 86_400_000 <= pause <= 90_000_000:
        return 1
    # 4. "if the pause is 3,600,000 to 7,200,000 ms (60 to 120 minutes), ends included: 1 for an audit entry, else NULL"
    if 3_600_000 <= pause <= 7_200_000:
        return 1 if resolution.is_audit else None
    return 0  # 5.


def resolver(ticket, resolution, is_automatic):
    """"Resolved by. The last resolution was by, the first that fits" """
    if resolution is None or not ticket.was_read:
        return None
    after = [m for m in ticket.dated if ticket.created_at <= m.created_at <= resolution.at]
    if resolution.is_audit and resolution.actor_type == "agent":
        return "agent"  # 1.
    if is_automatic == 1:
        return "automation"  # 2.
    if resolution.is_audit and resolution.actor_type == "ai":
        return "ai"  # 3.
    if any(m.group == "human" for m in after):
        return "agent"  # 4. "if a human message at or after `created_at` is not later than it"
    if any(m.group == "ai" for m in after) or is_solved(ticket.row["ai_status"]):
        return "ai"  # 5. "if a message of the AI at or after `created_at` is not later than it, or `ai_status` is solved"
    if resolution.is_audit and resolution.actor_type == "system":
        return "automation"  # 6.
    return None


def handed_off(ticket):
    """"1 where `ai_status` is handed over, or a human message comes after one of the AI, both at or after `created_at`. 0 where `ai_reply_count` > 0 or `ai_status` is solved. Else NULL."
    (Q2, Q5)"""
    ai_before = False
    for m in ticket.dated:
        if m.created_at < ticket.created_at:
            continue
        if m.group == "ai":
            ai_before = True
        elif m.group == "human" and ai_before:
            return 1
    if is_handed_over(ticket.row["ai_status"]):
        return 1
    if ticket.ai_replies or is_solved(ticket.row["ai_status"]):
        return 0
    return None


def analyse(ticket):
    """Fills what is computed of a ticket from its thread and its history."""
    messages = ticket.all_messages
    rule = classify(messages, ticket.row["ai_status"])
    # "Where the thread was never read (`tickets.message_count` is NULL), all that follows from messages is NULL." (Q2)
    ticket.reply_rule = rule if ticket.was_read else None
    ticket.dated = in_order(messages) if ticket.was_read else []
    ticket.replies = replies_of(ticket, "human")
    ticket.ai_replies = replies_of(ticket, "ai")
    ticket.changes = all_changes(ticket)
    row = ticket.row
    ticket.values = {
        "category": Values(ticket.changes, "category", row["category_id"]),
        "assignee": Values(ticket.changes, "assignee", row["assigned_agent_id"]),
        "priority": Values(ticket.changes, "priority", row["priority"]),
    }


def ticket_metrics(ticket, business):
    """One row of ticket_metrics, with instants in ms."""
    row, created_at, dated, read = ticket.row, ticket.created_at, ticket.dated, ticket.was_read
    publics = public_messages(ticket)
    humans = [m for m in dated if m.group == "human" and m.created_at >= created_at]
    ais = [m for m in dated if m.group == "ai" and m.created_at >= created_at]
    customers = [m for m in dated if m.group == "customer"]

    # "Of public messages, leaving out agents' from before `created_at`, the first: `customer`; `agent` if a human; `other` if the AI. `other` too where
    # there is none. NULL where the thread was never read."
    opened_by = {"customer": "customer", "human": "agent", "ai": "other", None: "other"}[publics[0].group if publics else None] if read else None
    first_customer = customers[0].created_at if customers else None

    # "The first human message at or after both `first_customer_message_at` and `created_at`. NULL without a customer's message, without such a reply, and
    # where `opened_by` is `agent`."
    def first_reply(by):
        if first_customer is None or opened_by == "agent":
            return None
        return next((m for m in by if m.created_at >= first_customer), None)

    reply, ai_reply = first_reply(humans), first_reply(ais)
    reply_at = reply.created_at if reply else None
    ai_reply_at = ai_reply.created_at if ai_reply else None
    # "From `created_at` to the first human message at or after it; NULL where `opened_by` is `agent`."
    from_creation = duration(created_at, humans[0].created_at) if humans and opened_by != "agent" else None

    public_reply_count = len(ticket.replies) if read else None
    ai_reply_count = len(ticket.ai_replies) if read else None

    resolutions = [c for c in ticket.changes if is_resolution(c)]
    reopenings = [c for c in ticket.changes if is_reopening(c)]
    first_resolved = resolutions[0].at if resolutions else None
    last_resolution = resolutions[-1] if resolutions else None
    last_resolved = last_resolution.at if last_resolution else None
    last_reopened = reopenings[-1].at if reopenings else None
    # "Reopenings, or resolutions less one where that is more."
    reopen_count = max(len(reopenings), len(resolutions) - 1)

    # "From `created_at` to `last_resolved_at`; NULL unless the ticket is resolved now."
    full = duration(created_at, last_resolved) if ticket.is_resolved else None
    # "From `last_reopened_at` to `last_resolved_at`, where the ticket is resolved now and that is later."
    reopened = None
    if ticket.is_resolved and last_reopened is not None and last_resolved is not None and last_resolved > last_reopened:
        reopened = last_resolved - last_reopened

    # "Of a resolved ticket: `public_reply_count` = 1 and `reopen_count` = 0. Else NULL."
    def touched(times):
        return int(public_reply_count == times and reopen_count == 0) if ticket.is_resolved and read else None

    # "Of a resolved ticket: `public_reply_count` = 0, and `ai_reply_count` > 0 or `ai_status` is solved. Else NULL."
    ai_only = None
    if ticket.is_resolved and read:
        ai_only = int(public_reply_count == 0 and (ai_reply_count > 0 or is_solved(row["ai_status"])))

    over, runs = stretches(ticket)

    # "Of a ticket that is open and not deleted: whether the last public message, leaving out agents' from before `created_at`, is the customer's; NULL
    # without a public message. 0 of all others."
    waits_on_us = 0
    if ticket.is_open and not ticket.is_deleted:
        waits_on_us = int(publics[-1].group == "customer") if publics else None

    # "Where `status` is open, the ticket is not deleted and has a public message: the beginning of the stretch that runs, on either side; where by its
    # changes the ticket is not open, the last public message."
    waiting_since = None
    if ticket.is_open and not ticket.is_deleted and publics:
        waiting_since = runs[1] if runs else publics[-1].created_at

    is_automatic = automatic(ticket, last_resolution)

    # "What the last resolution follows from: `audit`; `resolution_time`, if it is exact and not by an audit entry; `history`, if only the instant of a sync
    # is known."
    resolution_source = None
    if last_resolution is not None:
        resolution_source = "audit" if last_resolution.is_audit else "resolution_time" if last_resolution.is_exact else "history"

    # "where the first change of rating that leads to a number led. Without one, `csat`." / "The last: as before with the last change."
    ratings = [int(c.to_value) for c in ticket.changes if c.kind == "rating" and c.to_value is not None]

    def summed(side):
        return sum(until - since for who, since, until in over if who == side) if read else None

    return {
        "ticket_id": ticket.id,
        "is_deleted": int(ticket.is_deleted),
        "is_spam": int(ticket.is_spam),
        "opened_by": opened_by,
        "first_customer_message_at": first_customer,
        "first_reply_at": reply_at,
        "first_reply_agent_id": reply.sender_id if reply else None,
        "first_reply_ms": duration(first_customer, reply_at),
        "first_reply_business_ms": business.between(first_customer, reply_at),
        "first_reply_from_creation_ms": from_creation,
        "first_ai_reply_at": ai_reply_at,
        "first_ai_reply_ms": duration(first_customer, ai_reply_at),
        "customer_message_count": sum(m.group == "customer" for m in ticket.all_messages) if read else None,
        "public_reply_count": public_reply_count,
        "ai_reply_count": ai_reply_count,
        "private_note_count": sum(m.group == "note" for m in ticket.all_messages) if read else None,
        "is_one_touch": touched(1),
        "is_two_touch": touched(2),
        "is_ai_only": ai_only,
        "was_handed_off": handed_off(ticket) if read else None,
        "first_resolved_at": first_resolved,
        "last_resolved_at": last_resolved,
        "first_resolution_ms": duration(created_at, first_resolved),
        "full_resolution_ms": full,
        "full_resolution_business_ms": business.between(created_at, last_resolved) if ticket.is_resolved else None,
        "reopened_resolution_ms": reopened,
        "reopen_count": reopen_count,
        "last_reopened_at": last_reopened,
        # "Different `sender_id` of human messages at or after `created_at`."
        "agent_count": len({m.sender_id for m in humans if m.sender_id is not None}) if read else None,
        "handoff_count": handoffs(ticket),
        "unassigned_ms": unassigned(ticket),
        "waiting_on_agent_ms": summed("agent"),
        "waiting_on_customer_ms": summed("customer"),
        "is_waiting_on_us": waits_on_us,
        "waiting_since": waiting_since,
        "resolved_by": resolver(ticket, last_resolution, is_automatic),
        "is_auto_resolved": is_automatic,
        "csat": row["csat"],
        "csat_first": ratings[0] if ratings else row["csat"],
        "csat_last": ratings[-1] if ratings else row["csat"],
        "reply_rule": ticket.reply_rule,
        "resolution_source": resolution_source,
    }


INSTANTS = (
    "first_customer_message_at",
    "first_reply_at",
    "first_ai_reply_at",
    "first_resolved_at",
    "last_resolved_at",
    "last_reopened_at",
    "waiting_since",
)


def ticket_metrics_rows(tickets):
    rows = []
    for ticket in tickets:
        row = dict(ticket.metrics)
        for column in INSTANTS:
            row[column] = format_instant(row[column])
        rows.append(row)
    return rows


def ticket_events_rows(tickets):
    return [
        {
            "ticket_id": ticket.id,
            "position": position,
            "kind": c.kind,
            "from_value": c.from_value,
            "to_value": c.to_value,
            "occurred_at": format_instant(c.at),
            "not_before": format_instant(c.not_before),
            "actor_type": c.actor_type,
            "actor_id": c.actor_id,
            "source": c.source,
        }
        for ticket in tickets
        for position, c in enumerate(ticket.changes)
    ]


# ------------------------------------------------------------------------------------------------------------------- live_tickets, live_messages


def live_tickets(tickets):
    """"The columns of `tickets`, of tickets with `deleted_at` NULL. Spam is in it." """
    return [{**dict(t.row), "is_open": int(t.is_open), "is_spam": int(t.is_spam)} for t in tickets if not t.is_deleted]


def live_messages(tickets):
    """"The columns of `messages`, of messages that were not deleted, of tickets that were not." """
    return [
        {**dict(m.row), "is_public": int(m.group in ("customer", "human", "ai")), "is_human": int(m.group == "human")}
        for t in tickets
        if not t.is_deleted
        for m in t.all_messages
        if m.group != "deleted"
    ]


# ------------------------------------------------------------------------------------------------------------------- daily_metrics

DAILY_NUMBERS = (
    "created",
    "resolved",
    "reopened",
    "deleted",
    "backlog",
    "backlog_low",
    "backlog_high",
    "public_replies",
    "rated",
    "csat_sum",
)


def first_rating(ticket):
    """The change with which the ticket's first rating was seen."""
    return next((c for c in ticket.changes if c.kind == "rating" and c.to_value is not None), None)


def rated_agent(ticket, rating):
    """"of `rated` and `csat_sum`, `sender_id` of the last human message at or before the rating" """
    humans = [m for m in ticket.dated if m.group == "human" and m.created_at <= rating.at]
    return humans[-1].sender_id if humans else None


def group_at(ticket, instant):
    """"to the category, agent and priority that the ticket had at that instant" """
    return (
        ticket.row["source_type"],
        ticket.values["category"].at(instant),
        ticket.values["assignee"].at(instant),
        as_priority(ticket.values["priority"].at(instant)),
    )


def states_at(initial, changes, instant, value):
    """What a ticket may have been, by changes in order: the state with every change at `at`, and all states that are possible: "a change that is not
    exact counts as done or not done at each end of a day in [`not_before`, `occurred_at`)"."""
    taken = initial
    for c in changes:
        if c.at <= instant:
            taken = value(c)
    possible = {taken}
    for c in changes:
        if c.at > instant and c.not_before is not None and c.not_before <= instant:
            possible.add(value(c))
    return taken, possible


def backlog_stretches(ticket, ends):
    """(first day's index, index of the day after the last, group, backlog, low, high) of the days at whose end the ticket was or may have been in it.

    `ends` are the last milliseconds of the days. Between two instants at which anything changes all its days are the same."""
    status = [c for c in ticket.changes if c.kind == "status"]
    deletion = [c for c in ticket.changes if c.kind == "deletion"]
    instants = {ticket.created_at}
    for c in ticket.changes:
        if c.kind in ("status", "deletion", "category", "assignee", "priority"):
            instants.add(c.at)
            if c.not_before is not None:
                instants.add(c.not_before)
    # The last change is overruled by what the ticket is now: "maybe" where it is not open although no change says so.
    initial = "open" if status or ticket.is_open else "maybe"
    state_of = {id(c): "open" if c.to_value in OPEN else "closed" for c in status}
    if status:
        last = status[-1]
        state_of[id(last)] = "open" if ticket.is_open else "maybe" if last.to_value in OPEN else "closed"
    indices = sorted({bisect.bisect_left(ends, i) for i in instants if i >= ticket.created_at})
    # "Tickets that were deleted later are in it": before a first deletion it was not; without a change it is what it is now (Q22)
    first_deleted = deletion[0].from_value == "1" if deletion else ticket.is_deleted
    for first, after in zip(indices, [*indices[1:], len(ends)]):
        if first >= after:
            continue
        end = ends[first]
        taken, possible = states_at(initial, status, end, lambda c: state_of[id(c)])  # Q13, Q21
        is_open = taken == "open"
        may_be_open = {x for p in possible for x in ([True, False] if p == "maybe" else [p == "open"])}
        is_gone, may_be_gone = states_at(first_deleted, deletion, end, lambda c: c.to_value == "1")
        backlog = int(is_open and not is_gone)
        low = int(may_be_open == {True} and may_be_gone == {False})
        high = int(True in may_be_open and False in may_be_gone)
        if high:
            yield first, after, group_at(ticket, end), backlog, low, high


def daily_metrics(store, config):
    tickets = list(store.tickets.values())
    counted = [t for t in tickets if not t.is_spam]
    last_run = store.last_run()
    if not counted or last_run is None:
        return []
    zone = config.zone
    # "Days run from the first ticket to that on which the last finished run began." (Q24)
    days = zone.last_instants(min(t.created_at for t in counted), last_run)
    known_days = {number for number, _ in days}
    cells = defaultdict(lambda: dict.fromkeys(DAILY_NUMBERS, 0))
    firsts, fulls = defaultdict(list), defaultdict(list)

    def key_at(ticket, instant):
        return (zone.day_number(instant), *group_at(ticket, instant))

    for t in tickets:
        if t.is_spam:
            continue
        for c in t.changes:
            # "Changes of deletion to 1, of tickets that are deleted now. Spam is out."
            if t.is_deleted and c.kind == "deletion" and c.to_value == "1":
                cells[key_at(t, c.at)]["deleted"] += 1
        if t.is_deleted:
            continue
        m = t.metrics
        cells[key_at(t, t.created_at)]["created"] += 1
        for c in t.changes:
            if is_resolution(c):
                cells[key_at(t, c.at)]["resolved"] += 1
            elif is_reopening(c):
                cells[key_at(t, c.at)]["reopened"] += 1
        for reply in t.replies:
            cells[key_at(t, reply.created_at)]["public_replies"] += 1
        rating = first_rating(t)
        if rating is not None:
            day, source, category, _, priority = key_at(t, rating.at)
            cell = cells[(day, source, category, rated_agent(t, rating), priority)]
            cell["rated"] += 1
            cell["csat_sum"] += m["csat_last"]
        if m["first_reply_ms"] is not None:
            firsts[key_at(t, m["first_reply_at"])].append(m["first_reply_ms"])
        if m["full_resolution_ms"] is not None:
            fulls[key_at(t, m["last_resolved_at"])].append(m["full_resolution_ms"])

    # The backlog, as differences from one day to the next, added up.
    ends = [end for _, end in days]
    steps = defaultdict(lambda: defaultdict(lambda: [0, 0, 0]))
    for t in counted:
        for first, after, group, *numbers in backlog_stretches(t, ends):
            for i, number in enumerate(numbers):
                steps[group][first][i] += number
                steps[group][after][i] -= number
    for group, by_day in steps.items():
        running = [0, 0, 0]
        for index in range(min(by_day), len(days)):
            if index in by_day:
                running = [a + b for a, b in zip(running, by_day[index])]
            if any(running):
                cell = cells[(days[index][0], *group)]
                cell["backlog"], cell["backlog_low"], cell["backlog_high"] = running

    # "`history` from the day of the first `ticket_history.valid_from` on; `resolution_times` before"
    seen = [t.versions[0].valid_from for t in tickets if t.versions]
    first_seen = zone.day_number(min(seen)) if seen else None
    rows = []
    for key in {*cells, *firsts, *fulls}:
        day, source, category, agent, priority = key
        numbers = cells[key] if key in cells else dict.fromkeys(DAILY_NUMBERS, 0)
        # "where any of the numbers is not 0"
        if day not in known_days or not (any(numbers.values()) or key in firsts or key in fulls):
            continue
        rows.append(
            {
                "day": day_text(day),
                "source_type": source,
                "category_id": category,
                "assigned_agent_id": agent,
                "priority": priority,
                **numbers,
                "median_first_reply_ms": median(firsts.get(key, [])),
                "p90_first_reply_ms": p90(firsts.get(key, [])),
                "median_full_resolution_ms": median(fulls.get(key, [])),
                "p90_full_resolution_ms": p90(fulls.get(key, [])),
                "backlog_source": "history" if first_seen is not None and day >= first_seen else "resolution_times",
            }
        )
    return rows


# ------------------------------------------------------------------------------------------------------------------- agents


class AgentNumbers:
    """What an agent did in a day or a period."""

    def __init__(self):
        self.public_replies = self.resolved = self.reopened = self.rated = self.csat_sum = 0
        self.tickets_replied = set()
        self.first_replies, self.first_replies_business, self.fulls = [], [], []

    def counts(self):
        return {
            "public_replies": self.public_replies,
            "tickets_replied": len(self.tickets_replied),
            "first_replies": len(self.first_replies),
            "resolved": self.resolved,
            "reopened": self.reopened,
            "rated": self.rated,
            "csat_sum": self.csat_sum,
        }


def agent_numbers(store, config, keys_of):
    """AgentNumbers of all agents by the keys that `keys_of(agent, day number)` gives."""
    found = defaultdict(AgentNumbers)

    def at(agent, instant):
        if agent is None:
            return []
        return [found[key] for key in keys_of(agent, config.zone.day_number(instant))]

    for t in store.tickets.values():
        if not t.is_live:
            continue
        m = t.metrics
        # "Replies with this `sender_id`." / "Different tickets among them."
        for reply in t.replies:
            for numbers in at(reply.sender_id, reply.created_at):
                numbers.public_replies += 1
                numbers.tickets_replied.add(t.id)
        # "Tickets whose `first_reply_agent_id` it is and whose `first_reply_at` is on the day."
        if m["first_reply_at"] is not None:
            for numbers in at(m["first_reply_agent_id"], m["first_reply_at"]):
                numbers.first_replies.append(m["first_reply_ms"])
                numbers.first_replies_business.append(m["first_reply_business_ms"])
        # "Resolutions of tickets assigned to the agent at that instant." / "Reopenings of tickets assigned to the agent at that instant."
        for c in t.changes:
            if is_resolution(c):
                for numbers in at(t.values["assignee"].at(c.at), c.at):
                    numbers.resolved += 1
            elif is_reopening(c):
                for numbers in at(t.values["assignee"].at(c.at), c.at):
                    numbers.reopened += 1
        rating = first_rating(t)
        if rating is not None:
            for numbers in at(rated_agent(t, rating), rating.at):
                numbers.rated += 1
                numbers.csat_sum += m["csat_last"]
        # "Of tickets that are resolved, with `last_resolved_at` in the period, and assigned to the agent then."
        if m["full_resolution_ms"] is not None:
            for numbers in at(t.values["assignee"].at(m["last_resolved_at"]), m["last_resolved_at"]):
                numbers.fulls.append(m["full_resolution_ms"])
    return found


def agent_daily(store, config):
    """"One row per agent and day on which one of the numbers is not 0." """
    found = agent_numbers(store, config, lambda agent, day: [(agent, day)])
    return [
        {
            "agent_id": agent,
            "agent_name": store.agent_name(agent),
            "day": day_text(day),
            "week": week_text(day),
            **numbers.counts(),
            "median_first_reply_ms": median(numbers.first_replies),
            "median_first_reply_business_ms": median(numbers.first_replies_business),
        }
        for (agent, day), numbers in found.items()
        if any(numbers.counts().values())
    ]


def periods(day):
    """"`period`: `week`, `month` or `all`", with "The local date on which it begins; NULL for `all`." """
    return (("week", week_text(day)), ("month", month_text(day)), ("all", None))


def agent_metrics(store, config):
    found = agent_numbers(store, config, lambda agent, day: [(agent, *period) for period in periods(day)])
    # "For `all`: tickets assigned to the agent now that are open." / "those of them with `is_waiting_on_us` = 1."
    open_now, waiting = Counter(), Counter()
    for t in store.tickets.values():
        agent = t.row["assigned_agent_id"]
        if t.is_live and t.is_open and agent is not None:
            open_now[agent] += 1
            waiting[agent] += t.metrics["is_waiting_on_us"] == 1
    for agent in open_now:
        found[(agent, "all", None)]  # a row also for who has nothing but open tickets (Q26)
    rows = []
    for (agent, period, starts_on), numbers in found.items():
        is_all = period == "all"
        if not any(numbers.counts().values()) and not numbers.fulls and not (is_all and open_now[agent]):
            continue
        rows.append(
            {
                "agent_id": agent,
                "agent_name": store.agent_name(agent),
                "period": period,
                "starts_on": starts_on,
                **numbers.counts(),
                "median_first_reply_ms": median(numbers.first_replies),
                "p90_first_reply_ms": p90(numbers.first_replies),
                "median_first_reply_business_ms": median(numbers.first_replies_business),
                "p90_first_reply_business_ms": p90(numbers.first_replies_business),
                "median_full_resolution_ms": median(numbers.fulls),
                "open": open_now[agent] if is_all else None,
                "waiting_on_us": waiting[agent] if is_all else None,
            }
        )
    return rows


# ------------------------------------------------------------------------------------------------------------------- categories, tags, customers


def by_period(store, config, ids_of):
    """"Tickets created in the period. All the other columns are of these tickets, whenever what they count happened." """
    found = defaultdict(list)
    for t in store.tickets.values():
        if t.is_live:
            for period, starts_on in periods(config.zone.day_number(t.created_at)):
                for some_id in ids_of(t):
                    found[(some_id, period, starts_on)].append(t)
    return found


def is_ratable(ticket):
    """"Those that were ever resolved (`first_resolved_at` is set) and do not come from `telegram-group`, where nobody can rate." """
    return ticket.metrics["first_resolved_at"] is not None and ticket.row["source_type"] != "telegram-group"


def category_metrics(store, config):
    return [
        {
            "category_id": category,
            "category_name": store.category_name(category),
            "period": period,
            "starts_on": starts_on,
            "created": len(tickets),
            "resolved": sum(t.is_resolved for t in tickets),
            "reopened": sum(t.metrics["reopen_count"] > 0 for t in tickets),
            "one_touch": sum(t.metrics["is_one_touch"] == 1 for t in tickets),
            "ai_only": sum(t.metrics["is_ai_only"] == 1 for t in tickets),
            "open": sum(t.is_open for t in tickets),
            "rated": sum(t.row["csat"] is not None for t in tickets),
            "csat_sum": sum(t.row["csat"] or 0 for t in tickets),
            "ratable": sum(is_ratable(t) for t in tickets),
            "median_first_reply_ms": median(t.metrics["first_reply_ms"] for t in tickets),
            "median_first_reply_business_ms": median(t.metrics["first_reply_business_ms"] for t in tickets),
            "median_full_resolution_ms": median(t.metrics["full_resolution_ms"] for t in tickets),
        }
        for (category, period, starts_on), tickets in by_period(store, config, lambda t: [t.row["category_id"]]).items()
    ]


def tag_metrics(store, config):
    """"One row per tag and period, of tickets that have the tag now: one with two tags is in two rows." """
    return [
        {
            "tag_id": tag,
            "tag_name": store.tag_name(tag),
            "period": period,
            "starts_on": starts_on,
            "created": len(tickets),
            "resolved": sum(t.is_resolved for t in tickets),
            "reopened": sum(t.metrics["reopen_count"] > 0 for t in tickets),
            "open": sum(t.is_open for t in tickets),
            "rated": sum(t.row["csat"] is not None for t in tickets),
            "csat_sum": sum(t.row["csat"] or 0 for t in tickets),
            "ratable": sum(is_ratable(t) for t in tickets),
            "median_first_reply_ms": median(t.metrics["first_reply_ms"] for t in tickets),
            "median_full_resolution_ms": median(t.metrics["full_resolution_ms"] for t in tickets),
        }
        for (tag, period, starts_on), tickets in by_period(store, config, lambda t: store.ticket_tags[t.id]).items()
    ]


def customer_metrics(store):
    """"One row per customer with a ticket. […] Tickets of telegram groups have no customer and are in no row." """
    of = defaultdict(list)
    for t in store.tickets.values():
        if t.is_live and t.row["customer_id"] is not None:
            of[t.row["customer_id"]].append(t)
    rows = []
    for customer, tickets in of.items():
        # "the customer's ticket before (by `created_at`, then `id`)"
        tickets.sort(key=lambda t: (t.created_at, t.id))
        rows.append(
            {
                "customer_id": customer,
                "customer_name": store.customer_name(customer),
                "tickets": len(tickets),
                "open": sum(t.is_open for t in tickets),
                "resolved": sum(t.is_resolved for t in tickets),
                # "Tickets created at most 604,800,000 ms (7 days) after the `created_at` of the customer's ticket before"
                "repeats_within_a_week": sum(b.created_at - a.created_at <= 604_800_000 for a, b in zip(tickets, tickets[1:])),
                "first_ticket_at": format_instant(tickets[0].created_at),
                "last_ticket_at": format_instant(tickets[-1].created_at),
                "customer_messages": total(t.metrics["customer_message_count"] for t in tickets),
                "public_replies": total(t.metrics["public_reply_count"] for t in tickets),
                "rated": sum(t.row["csat"] is not None for t in tickets),
                "csat_sum": sum(t.row["csat"] or 0 for t in tickets),
                "median_first_reply_ms": median(t.metrics["first_reply_ms"] for t in tickets),
            }
        )
    return rows


# ------------------------------------------------------------------------------------------------------------------- hourly_volume


def hourly_volume(store, config):
    """"One row per hour from the first ticket to the last run, those in which nothing happened included." (Q24)"""
    tickets = [t for t in store.tickets.values() if t.is_live]
    last_run = store.last_run()
    if not tickets or last_run is None:
        return []
    starts = config.zone.hours(min(t.created_at for t in tickets), last_run)
    counts = [[0, 0, 0] for _ in starts]
    end = starts[-1] if starts else 0
    end = min(
        ((end + config.zone.offset(end)) // HOUR + 1) * HOUR - config.zone.offset(end),
        next((s for s in config.zone.starts if s > end), sys.maxsize),
    )

    def count(instant, what):
        if starts and starts[0] <= instant < end:
            counts[bisect.bisect_right(starts, instant) - 1][what] += 1

    for t in tickets:
        count(t.created_at, 0)
        for m in t.dated:
            if m.group == "customer":
                count(m.created_at, 1)
        for reply in t.replies:
            count(reply.created_at, 2)
    rows = []
    for at, (created, customer_messages, public_replies) in zip(starts, counts):
        number = config.zone.day_number(at)
        rows.append(
            {
                "starts_at": format_instant(at),
                "day": day_text(number),
                "weekday": date.fromordinal(number + EPOCH_ORDINAL).isoweekday(),
                "hour": (at + config.zone.offset(at)) // HOUR % 24,
                "created": created,
                "customer_messages": customer_messages,
                "public_replies": public_replies,
            }
        )
    return rows


# ------------------------------------------------------------------------------------------------------------------- tickets_wide, customers_wide


def slug(label):
    """"its label in small letters, each run of other characters than letters and digits as one `_`, none at either end" (Q28)"""
    return "_".join(run for run in "".join(c if c.isalnum() else " " for c in label.lower()).split(" ") if run)


def attribute_columns(rows, owner):
    """Columns of custom attributes: {attribute: column}, and {owner: {column: value}}.

    "without a label, its id. Labels that give the same name get `_2`, `_3` in the order in which they were first seen. Of several values the first by
    `position`." The order in which they were first seen is not in the tables (Q28): here that of the tickets."""
    columns, values = {}, defaultdict(dict)
    for row in rows:
        label, attribute_id = row["label"], row["attribute_id"]
        attribute = ("label", label) if label is not None and slug(label) else ("id", attribute_id)
        if attribute[1] is None:
            continue
        if attribute not in columns:
            base = name = "attr_" + slug(attribute[1])
            number = 1
            while name in columns.values():
                number += 1
                name = f"{base}_{number}"
            columns[attribute] = name
        values[row[owner]].setdefault(columns[attribute], row["value"])
    return list(columns.values()), values


def tickets_wide(store):
    columns, values = attribute_columns(store.ticket_attributes, "ticket_id")
    rows = []
    for t in store.tickets.values():
        if t.is_deleted:
            continue
        names = sorted(store.tag_name(tag) for tag in store.ticket_tags[t.id])
        own = values.get(t.id, {})
        rows.append(
            {
                **dict(t.row),
                "category_name": store.category_name(t.row["category_id"]),
                "agent_name": store.agent_name(t.row["assigned_agent_id"]),
                "customer_name": store.customer_name(t.row["customer_id"]),
                "tag_names": ", ".join(names) if names else None,
                **{column: own.get(column) for column in columns},
            }
        )
    return rows


def customers_wide(store):
    columns, values = attribute_columns(store.customer_attributes, "customer_id")
    return [
        {**dict(row), **{column: values.get(customer, {}).get(column) for column in columns}} for customer, row in store.customers.items()
    ]


# ------------------------------------------------------------------------------------------------------------------- sla_results


def sla_results(store, config, now):
    """"One row per ticket and policy of `[[sla]]` that applies to it. […] Deleted tickets and spam have none." """
    rows = []
    for t in store.tickets.values():
        if not t.is_live:
            continue
        for policy in config.policies:
            row = sla_result(store, config, t, policy, now)
            if row is not None:
                rows.append(row)
    return rows


def sla_result(store, config, ticket, policy, now):
    m = ticket.metrics
    resolved_at = m["last_resolved_at"] if ticket.is_resolved else None
    if policy.metric == "first_reply":
        # "For `first_reply`: `first_customer_message_at`; without one, and where `opened_by` is `agent`, there is no row."
        started_at = m["first_customer_message_at"]
        if started_at is None or m["opened_by"] == "agent":
            return None
        met_at = m["first_reply_at"]
        # "The clock stops at `met_at`; for `first_reply` without one at `last_resolved_at`, where the ticket is resolved now"
        stopped_at = met_at if met_at is not None else resolved_at
    else:
        # "For `resolution`: `created_at`." / "For `resolution`: `last_resolved_at` where the ticket is resolved now."
        started_at = ticket.created_at
        met_at = stopped_at = resolved_at
    # "A policy applies where the ticket's priority is one of its `priority`, and its category one of its `category`, each if it is given, as they were
    # when the clock stopped, or are now where it runs." (Q35)
    if stopped_at is not None:
        priority, category = as_priority(ticket.values["priority"].at(stopped_at)), ticket.values["category"].at(stopped_at)
    else:
        priority, category = ticket.row["priority"], ticket.row["category_id"]
    if policy.priorities is not None and priority not in policy.priorities:
        return None
    if policy.categories is not None and category not in policy.categories and store.category_name(category) not in policy.categories:
        return None
    stop = stopped_at if stopped_at is not None else now  # "else it runs until now"
    due_at = config.business.after(started_at, policy.within)
    if due_at is not None and stop > due_at:
        is_breached = 1  # "1 where the stop is later than `due_at`."
    else:
        is_breached = 0 if stopped_at is not None else None  # "Else 0 where the clock has stopped, NULL where it runs."
    return {
        "ticket_id": ticket.id,
        "policy": policy.name,
        "metric": policy.metric,
        "started_at": format_instant(started_at),
        "due_at": format_instant(due_at),
        "met_at": format_instant(met_at),
        "elapsed_ms": config.business.between(started_at, max(stop, started_at)),  # Q36
        "is_breached": is_breached,
    }


# ------------------------------------------------------------------------------------------------------------------- all of them


def connect(path):
    connection = sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    return connection


def compute_from(store, config, now, tables=TABLES):
    tickets = sorted(store.tickets.values(), key=lambda t: t.id)
    for ticket in tickets:
        analyse(ticket)
        ticket.metrics = ticket_metrics(ticket, config.business)
    makers = {
        "ticket_metrics": lambda: ticket_metrics_rows(tickets),
        "ticket_events": lambda: ticket_events_rows(tickets),
        "live_tickets": lambda: live_tickets(tickets),
        "live_messages": lambda: live_messages(tickets),
        "daily_metrics": lambda: daily_metrics(store, config),
        "agent_daily": lambda: agent_daily(store, config),
        "agent_metrics": lambda: agent_metrics(store, config),
        "category_metrics": lambda: category_metrics(store, config),
        "tag_metrics": lambda: tag_metrics(store, config),
        "customer_metrics": lambda: customer_metrics(store),
        "hourly_volume": lambda: hourly_volume(store, config),
        "tickets_wide": lambda: tickets_wide(store),
        "customers_wide": lambda: customers_wide(store),
        "sla_results": lambda: sla_results(store, config, now),
    }
    return {table: makers[table]() for table in TABLES if table in tables}


def compute(db_path, config=None, now=None, tables=TABLES):
    """All tables and views of the document: {table: [row as a dictionary]}. `config` is what the configuration file says, as a dictionary, or a Config;
    `now` an instant as text or in ms, by default the clock's."""
    if not isinstance(config, Config):
        config = Config(config)
    if now is None:
        now = int(time.time() * 1000)
    elif isinstance(now, str):
        now = parse_instant(now)
    connection = connect(db_path)
    try:
        connection.execute("BEGIN")
        return compute_from(Store(connection), config, now, tables)
    finally:
        connection.close()


# ------------------------------------------------------------------------------------------------------------------- comparison


class Differences:
    """Counts differences of a table and prints the first ones."""

    def __init__(self, table, limit):
        self.table, self.limit = table, limit
        self.by_column = Counter()

    def add(self, key, column, stored, computed):
        if sum(self.by_column.values()) < self.limit:
            print(f"  {self.table} {key} {column}: stored {stored!r}, computed {computed!r}")
        self.by_column[column] += 1

    def count(self):
        return sum(self.by_column.values())


def same(stored, computed, later):
    """Whether a stored value is the computed one; `later` is the value computed with a later now, the same as `computed` where now was given."""
    if stored == computed or stored == later:
        return type(stored) is not float or stored == int(stored)
    if isinstance(stored, int) and isinstance(computed, int) and isinstance(later, int):
        return min(computed, later) <= stored <= max(computed, later)
    return False


def compare(table, stored_rows, computed_rows, later_rows, limit=20):
    key_columns = KEYS[table]

    def keyed(rows):
        found, twice = {}, []
        for row in rows:
            key = tuple(row.get(column) for column in key_columns)
            if key in found:
                twice.append(key)
            found[key] = row
        return found, twice

    differences = Differences(table, limit)
    stored, stored_twice = keyed(stored_rows)
    computed, computed_twice = keyed(computed_rows)
    later, _ = keyed(later_rows)
    for key in stored_twice:
        differences.add(key, "(key)", "twice", "once")
    for key in computed_twice:
        differences.add(key, "(key)", "?", "twice")
    for key in sorted(set(stored) | set(computed), key=lambda k: tuple((v is not None, str(v)) for v in k)):
        if key not in computed:
            differences.add(key, "(row)", {c: v for c, v in stored[key].items() if c not in key_columns and v}, "no row")
            continue
        if key not in stored:
            differences.add(key, "(row)", "no row", {c: v for c, v in computed[key].items() if c not in key_columns and v})
            continue
        mine, theirs = computed[key], stored[key]
        for column in [*mine, *(c for c in theirs if c not in mine)]:
            if column == "snapshot_id" or column in key_columns:
                continue
            if column not in theirs:
                differences.add(key, column, "no column", mine[column])
            elif column not in mine:
                # "A column is never taken away, also where no ticket has the attribute any more."
                if not (column.startswith("attr_") and table.endswith("_wide") and theirs[column] is None):
                    differences.add(key, column, theirs[column], "no column")
            elif not same(theirs[column], mine[column], later.get(key, mine).get(column)):
                differences.add(key, column, theirs[column], mine[column])
    return differences, len(stored), len(computed)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Computes a store's metrics a second time and says where they differ.")
    parser.add_argument("db", help="the store, an SQLite file; it is only read")
    parser.add_argument("--config", metavar="FILE.toml", help="configuration with [metrics] and [[sla]]")
    parser.add_argument("--now", metavar="INSTANT", help="the instant up to which clocks run [default: while the views are read]")
    parser.add_argument("--tables", metavar="a,b", help="only these")
    parser.add_argument("--skip-missing", action="store_true", help="tables that the store does not have are no error")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="differences to print of each table [default: 20]")
    options = parser.parse_args(arguments)
    wanted = options.tables.split(",") if options.tables else list(TABLES)
    for table in wanted:
        if table not in TABLES:
            parser.error(f"no table of docs/metrics.md: {table}")
    given = tomllib.loads(Path(options.config).read_text()) if options.config else {}
    config = Config(given)

    connection = connect(options.db)
    connection.execute("BEGIN")
    begun = parse_instant(options.now) if options.now else int(time.time() * 1000)
    store = Store(connection)
    computed = compute_from(store, config, begun, wanted)
    exists = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
    missing, differing = [], False
    for table in wanted:
        if table not in exists:
            missing.append(table)
            print(f"{table}: missing")
            continue
        try:
            stored = [dict(row) for row in connection.execute(f'SELECT * FROM "{table}"')]
        except sqlite3.Error as error:
            print(f"{table}: cannot be read: {error}")
            differing = True
            continue
        later = computed[table]
        if table == "sla_results" and not options.now:
            later = sla_results(store, config, int(time.time() * 1000))
        differences, in_store, in_python = compare(table, stored, computed[table], later, options.limit)
        verdict = "same"
        if differences.count():
            differing = True
            columns = ", ".join(f"{column} {count}" for column, count in differences.by_column.most_common())
            verdict = f"{differences.count()} differences: {columns}"
        print(f"{table}: {in_store} rows stored, {in_python} computed, {verdict}")
    connection.close()
    if differing:
        return 1
    if missing and not options.skip_missing:
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
