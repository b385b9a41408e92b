use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp, tz::TimeZone, tz::TimeZoneDatabase};
use proptest::prelude::*;

use crate::{State, Window, WindowSpec, Windows};

fn cron(cron: &str, duration: &str, zone: &str) -> WindowSpec {
    WindowSpec {
        cron: Some(cron.to_owned()),
        duration: duration.to_owned(),
        time_zone: Some(zone.to_owned()),
        ..WindowSpec::default()
    }
}

fn rule(rrule: &str, start: &str, duration: &str, zone: &str) -> WindowSpec {
    WindowSpec {
        rrule: Some(rrule.to_owned()),
        start: Some(start.to_owned()),
        duration: duration.to_owned(),
        time_zone: Some(zone.to_owned()),
        ..WindowSpec::default()
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// `open until …` or `closed until …`, in UTC.
fn state(allow: &[WindowSpec], deny: &[WindowSpec], now: &str) -> String {
    let show =
        |until: Option<Timestamp>| until.map_or_else(|| "never".to_owned(), |at| at.to_string());
    match Windows::parse(allow, deny).unwrap().state(at(now)) {
        State::Open { until } => format!("open until {}", show(until)),
        State::Closed { until, because } => format!("closed until {}: {because}", show(until)),
    }
}

fn refusal(spec: &WindowSpec) -> String {
    Windows::parse(std::slice::from_ref(spec), &[]).unwrap_err().to_string()
}

/// The first days on which a rule opens a window.
fn days(rrule: &str, start: &str, count: usize) -> String {
    let window = Window::parse(&rule(rrule, start, "1h", "UTC")).unwrap();
    let (mut now, mut found) = (at("2000-01-01T00:00:00Z"), Vec::new());
    while found.len() < count {
        let Some(next) = window.opens(now, jiff::civil::date(2040, 1, 1)) else { break };
        found.push(next.strftime("%F").to_string());
        now = next;
    }
    found.join(" ")
}

#[test]
fn without_windows_everything_is_allowed() {
    assert_eq!(state(&[], &[], "2026-11-26T12:00:00Z"), "open until never");
}

#[test]
fn office_hours_open_and_close() {
    let allow = [cron("0 9 * * mon-fri", "8h", "Europe/Vienna")];
    assert_snapshot!(state(&allow, &[], "2026-11-26T08:00:00Z"), @"open until 2026-11-26T16:00:00Z");
    assert_snapshot!(state(&allow, &[], "2026-11-26T16:00:00Z"), @"closed until 2026-11-27T08:00:00Z: no window of allow is open");
    assert_snapshot!(state(&allow, &[], "2026-11-28T12:00:00Z"), @"closed until 2026-11-30T08:00:00Z: no window of allow is open");
}

#[test]
fn deny_wins_over_allow() {
    let allow = [cron("0 9 * * *", "8h", "UTC")];
    let deny = [cron("0 12 * * *", "1h", "UTC")];
    assert_snapshot!(state(&allow, &deny, "2026-11-26T09:30:00Z"), @"open until 2026-11-26T12:00:00Z");
    assert_snapshot!(state(&allow, &deny, "2026-11-26T12:30:00Z"), @r#"closed until 2026-11-26T13:00:00Z: deny[0] is open ("0 12 * * *" for 1h, UTC)"#);
    assert_snapshot!(state(&[], &deny, "2026-11-26T13:30:00Z"), @"open until 2026-11-27T12:00:00Z");
    let hidden = [cron("0 8 * * *", "12h", "UTC")];
    assert_snapshot!(state(&allow, &hidden, "2026-11-26T09:30:00Z"), @r#"closed until never: deny[0] is open ("0 8 * * *" for 12h, UTC)"#);
}

#[test]
fn windows_that_follow_each_other_are_one() {
    let allow = [cron("0 9 * * *", "2h", "UTC"), cron("0 10 * * *", "3h", "UTC")];
    assert_snapshot!(state(&allow, &[], "2026-11-26T09:30:00Z"), @"open until 2026-11-26T13:00:00Z");
    let always = [cron("0 * * * *", "1h", "Europe/Vienna")];
    assert_snapshot!(state(&always, &[], "2026-11-26T09:30:00Z"), @"open until never");
}

#[test]
fn a_window_that_never_opens_is_closed_without_an_end() {
    let never = [cron("0 9 30 2 *", "8h", "UTC")];
    assert_snapshot!(state(&never, &[], "2026-11-26T12:00:00Z"), @"closed until never: no window of allow is open");
    let leap = [cron("0 9 29 2 *", "8h", "UTC")];
    assert_snapshot!(state(&leap, &[], "2026-11-26T12:00:00Z"), @"closed until 2028-02-29T09:00:00Z: no window of allow is open");
    let over = [rule("FREQ=DAILY;COUNT=3", "2020-01-01T09:00", "8h", "UTC")];
    assert_snapshot!(state(&over, &[], "2020-01-03T12:00:00Z"), @"open until 2020-01-03T17:00:00Z");
    assert_snapshot!(state(&over, &[], "2020-01-03T17:00:00Z"), @"closed until never: no window of allow is open");
}

#[test]
fn the_largest_schedule_is_answered_within_the_bound_of_steps() {
    let hourly: Vec<_> = (0..16).map(|i| cron(&format!("{i} * * * *"), "30m", "UTC")).collect();
    let monthly: Vec<_> = (0..16).map(|i| cron(&format!("{i} 9 30 2 *"), "744h", "UTC")).collect();
    assert!(state(&monthly, &hourly, "2026-11-26T12:00:00Z").starts_with("closed until never"));
}

#[test]
fn a_beginning_that_the_zone_skips_is_moved() {
    // 02:30 does not exist on 29 March 2026 in Vienna: 01:30 UTC is 03:30 there.
    let allow = [cron("30 2 * * *", "1h", "Europe/Vienna")];
    assert_snapshot!(state(&allow, &[], "2026-03-29T01:00:00Z"), @"closed until 2026-03-29T01:30:00Z: no window of allow is open");
    assert_snapshot!(state(&allow, &[], "2026-03-29T01:30:00Z"), @"open until 2026-03-29T02:30:00Z");
}

#[test]
fn a_beginning_that_happens_twice_counts_once_unless_every_hour_is_named() {
    // 02:00 happens at 00:00 and at 01:00 UTC on 25 October 2026 in Vienna.
    let once = [cron("0 2 * * *", "30m", "Europe/Vienna")];
    assert_snapshot!(state(&once, &[], "2026-10-25T00:10:00Z"), @"open until 2026-10-25T00:30:00Z");
    assert_snapshot!(state(&once, &[], "2026-10-25T01:10:00Z"), @"closed until 2026-10-26T01:00:00Z: no window of allow is open");
    let both = [cron("0 * * * *", "30m", "Europe/Vienna")];
    assert_snapshot!(state(&both, &[], "2026-10-25T01:10:00Z"), @"open until 2026-10-25T01:30:00Z");
}

#[test]
fn rules_name_the_days_that_rfc_5545_says() {
    assert_snapshot!(days("FREQ=WEEKLY;BYDAY=MO,FR;INTERVAL=2", "2026-11-02T09:00", 5), @"2026-11-02 2026-11-06 2026-11-16 2026-11-20 2026-11-30");
    assert_snapshot!(days("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "2003-08-05T09:00", 9), @"2003-08-05 2003-08-10 2003-08-19 2003-08-24");
    assert_snapshot!(days("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "2003-08-05T09:00", 9), @"2003-08-05 2003-08-17 2003-08-19 2003-08-31");
    assert_snapshot!(days("FREQ=MONTHLY;BYDAY=-1FR", "2026-11-27T09:00", 3), @"2026-11-27 2026-12-25 2027-01-29");
    assert_snapshot!(days("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "2026-11-27T09:00", 3), @"2026-11-27 2026-12-30 2027-01-28");
    assert_snapshot!(days("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "2026-11-13T09:00", 3), @"2026-11-13 2027-08-13 2028-10-13");
    assert_snapshot!(days("FREQ=MONTHLY", "2026-01-31T09:00", 3), @"2026-01-31 2026-03-31 2026-05-31");
    assert_snapshot!(days("FREQ=YEARLY;BYDAY=20MO", "2026-05-18T09:00", 3), @"2026-05-18 2027-05-17 2028-05-15");
    assert_snapshot!(days("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;UNTIL=20281231", "2026-11-26T09:00", 9), @"2026-11-26 2027-11-25 2028-11-23");
    assert_snapshot!(days("RRULE:FREQ=YEARLY", "2024-02-29T09:00", 3), @"2024-02-29 2028-02-29 2032-02-29");
    assert_snapshot!(days("FREQ=DAILY;INTERVAL=10;UNTIL=20261211T090000Z", "2026-11-21T09:00", 9), @"2026-11-21 2026-12-01 2026-12-11");
}

#[test]
fn errors_name_the_field_and_what_would_be_right() {
    assert_snapshot!(refusal(&cron("9 * *", "8h", "UTC")), @r#"allow[0].cron has 3 fields instead of 5 (minute hour day month weekday), such as "0 9 * * mon-fri""#);
    assert!(
        refusal(&cron("0 25 * * *", "8h", "UTC"))
            .starts_with("allow[0].cron is not a cron expression such as")
    );
    assert_snapshot!(refusal(&cron("* 9 * * *", "8h", "UTC")), @r#"allow[0].cron begins 60 times a day, at most 24 are followed; give the minute and the hour at which the window opens, such as "0 9 * * mon-fri""#);
    assert_snapshot!(refusal(&cron("0 9 * * *", "8", "UTC")), @"allow[0].duration is not a time in hours and minutes, such as 8h");
    assert_snapshot!(refusal(&cron("0 9 * * *", "800h", "UTC")), @"allow[0].duration must be from 1m to 744h (31 days)");
    assert_snapshot!(refusal(&cron("0 9 * * *", "8h", "Vienna")), @r#"allow[0].timeZone "Vienna" is not the IANA name of a time zone, such as Europe/Vienna"#);
    assert_snapshot!(refusal(&WindowSpec::default()), @r#"allow[0].cron is missing; say when the window opens, such as "0 9 * * mon-fri""#);
    assert_snapshot!(refusal(&rule("FREQ=HOURLY", "2026-01-01T09:00", "1h", "UTC")), @"allow[0].rrule has FREQ=HOURLY; use DAILY, WEEKLY, MONTHLY or YEARLY");
    assert_snapshot!(refusal(&rule("FREQ=DAILY;BYHOUR=9", "2026-01-01T09:00", "1h", "UTC")), @"allow[0].rrule has the part BYHOUR, which windows do not know; they know FREQ, INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS and WKST");
    assert_snapshot!(refusal(&rule("FREQ=WEEKLY;BYDAY=MO", "2026-11-26T09:00", "1h", "UTC")), @"allow[0].start 2026-11-26 is not a day of the rule; begin with its first day");
    assert_snapshot!(refusal(&rule("FREQ=DAILY", "2026-11-26T09:00Z", "1h", "UTC")), @"allow[0].start is not a local time such as 2026-11-26T09:00; the zone goes into timeZone");
    let many = vec![cron("0 9 * * *", "1h", "UTC"); 17];
    assert_snapshot!(Windows::parse(&[], &many).unwrap_err(), @"deny has 17 windows, at most 16 fit");
}

const ZONES: [&str; 5] =
    ["UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"];

/// Cron by walking over the minutes of local time, with a different reading of the expression.
fn walk(
    (hour, minute, weekdays): (i8, i8, &[i8]),
    hours: i64,
    zone: &TimeZone,
    now: Timestamp,
) -> bool {
    let first = zone.to_datetime(now - SignedDuration::from_hours(hours + 48));
    let minutes = (hours + 96) * 60;
    (0..minutes).any(|offset| {
        let local = first.round(jiff::Unit::Minute).unwrap() + SignedDuration::from_mins(offset);
        let weekday = local.weekday().to_sunday_zero_offset();
        if local.hour() != hour || local.minute() != minute || !weekdays.contains(&weekday) {
            return false;
        }
        let start = zone.to_ambiguous_timestamp(local).compatible().unwrap();
        start <= now && now < start + SignedDuration::from_hours(hours)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_walk_over_all_minutes_finds_the_same(
        (hour, minute, hours) in (0..24_i8, 0..60_i8, 1..30_i64),
        weekdays in proptest::sample::subsequence(vec![0_i8, 1, 2, 3, 4, 5, 6], 1..=7),
        zone in proptest::sample::select(ZONES.to_vec()),
        // The hours around the changes of clocks, and around Apia's lost 30 December 2011.
        around in proptest::sample::select(vec![
            "2026-03-29T00:00:00Z", "2026-10-25T00:00:00Z", "2026-03-08T07:00:00Z",
            "2026-11-01T06:00:00Z", "2026-04-04T15:00:00Z", "2011-12-30T10:00:00Z",
        ]),
        offset in -3000..3000_i64,
    ) {
        let names: Vec<_> = weekdays.iter().map(ToString::to_string).collect();
        let spec = cron(&format!("{minute} {hour} * * {}", names.join(",")), &format!("{hours}h"), zone);
        let windows = Windows::parse(&[spec], &[]).unwrap();
        let zone = TimeZoneDatabase::bundled().get(zone).unwrap();
        let open = |now| walk((hour, minute, &weekdays), hours, &zone, now);
        let now = at(around) + SignedDuration::from_mins(offset);
        let (is_open, until) = match windows.state(now) {
            State::Open { until } => (true, until),
            State::Closed { until, .. } => (false, until),
        };
        prop_assert_eq!(is_open, open(now));
        // The state changes at its end and not a minute before.
        if let Some(until) = until {
            prop_assert_eq!(open(until), !is_open);
            prop_assert_eq!(open(until - SignedDuration::from_mins(1)), is_open);
        }
    }

    #[test]
    fn no_text_makes_it_panic(
        text in "[-0-9*/,;=#LWA-Za-z ]{0,40}", start in "[-0-9T:]{0,20}", duration in "[-0-9hmd ]{0,8}",
        now in any::<i32>(),
    ) {
        let now = Timestamp::from_second(i64::from(now) * 100).unwrap();
        for spec in [cron(&text, "8h", "Europe/Vienna"), cron("0 9 * * *", &duration, &text),
                     rule(&text, &start, "8h", "UTC"), rule("FREQ=DAILY", &start, "1h", "UTC")] {
            let specs = [spec];
            if let Ok(windows) = Windows::parse(&specs, &specs) {
                windows.state(now);
            }
        }
    }
}
