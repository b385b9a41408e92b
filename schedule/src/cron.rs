//! The days and times of a cron expression.

use croner::parser::{CronParser, Seconds, Year};
use croner::{CronPattern, Weekday};
use jiff::civil::{Date, Time};

use crate::ScheduleError;

/// More starts on a day than hours make no windows one could tell apart, and cost time to follow.
const MAX_STARTS_PER_DAY: usize = 24;
const MAX_TEXT: usize = 200;

/// A cron expression with five fields.
#[derive(Clone, Debug)]
pub(crate) struct Cron {
    pattern: CronPattern,
    pub(crate) times: Vec<Time>,
    /// Such an expression goes by elapsed time rather than by the clock on the wall.
    pub(crate) names_every_hour: bool,
}

impl Cron {
    pub(crate) fn parse(text: &str) -> Result<Self, ScheduleError> {
        let refuse = |problem: String| Err(ScheduleError::new("cron", problem));
        if text.len() > MAX_TEXT {
            return refuse(format!("is longer than {MAX_TEXT} characters"));
        }
        let fields = text.split_whitespace().count();
        if fields != 5 {
            return refuse(format!(
                "has {fields} fields instead of 5 (minute hour day month weekday), such as \
                 \"0 9 * * mon-fri\""
            ));
        }
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let pattern = match parser.parse(text) {
            Ok(cron) => cron.pattern,
            Err(error) => {
                let detail = error.to_string();
                let detail = detail.trim_end_matches('.');
                return refuse(format!(
                    "is not a cron expression such as \"0 9 * * mon-fri\": {detail}"
                ));
            }
        };
        let (hours, minutes) = (pattern.hours.values(), pattern.minutes.values());
        let starts = hours.len() * minutes.len();
        if starts > MAX_STARTS_PER_DAY {
            return refuse(format!(
                "begins {starts} times a day, at most {MAX_STARTS_PER_DAY} are followed; give the \
                 minute and the hour at which the window opens, such as \"0 9 * * mon-fri\""
            ));
        }
        let mut times = Vec::new();
        for hour in &hours {
            for minute in &minutes {
                let (Ok(hour), Ok(minute)) = (i8::try_from(*hour), i8::try_from(*minute)) else {
                    continue;
                };
                times.extend(Time::new(hour, minute, 0, 0));
            }
        }
        times.sort();
        Ok(Self { names_every_hour: hours.len() == 24, pattern, times })
    }

    pub(crate) fn matches(&self, date: Date) -> bool {
        let number = |value: i8| u32::from(value.unsigned_abs());
        let weekday = match date.weekday() {
            jiff::civil::Weekday::Sunday => Weekday::Sunday,
            jiff::civil::Weekday::Monday => Weekday::Monday,
            jiff::civil::Weekday::Tuesday => Weekday::Tuesday,
            jiff::civil::Weekday::Wednesday => Weekday::Wednesday,
            jiff::civil::Weekday::Thursday => Weekday::Thursday,
            jiff::civil::Weekday::Friday => Weekday::Friday,
            jiff::civil::Weekday::Saturday => Weekday::Saturday,
        };
        let (month, day) = (number(date.month()), number(date.day()));
        // Both fail for dates that do not exist only.
        self.pattern.month_match(month).unwrap_or(false)
            && self.pattern.day_match(i32::from(date.year()), month, day, weekday).unwrap_or(false)
    }
}
