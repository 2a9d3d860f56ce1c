//! Schedule expressions: `rate(5 minutes)`, `cron(0 12 * * ? *)`.

/// Whether EventBridge takes it.
pub(super) fn is_schedule(text: &str) -> bool {
    let Some((kind, inner)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) else { return false };
    match kind {
        "rate" => is_rate(inner),
        "cron" => is_cron(inner),
        _ => false,
    }
}

/// A number from 1 and its unit, in the singular where it is one.
fn is_rate(text: &str) -> bool {
    let Some((number, unit)) = text.split_once(' ') else { return false };
    let units = match number.parse::<u64>() {
        Ok(0) | Err(_) => return false,
        Ok(1) => ["minute", "hour", "day"],
        Ok(_) => ["minutes", "hours", "days"],
    };
    units.contains(&unit)
}

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A field: its lowest and highest value, the names of values, and which signs it may have alone or after a number.
struct Field {
    range: (u32, u32),
    names: &'static [&'static str],
    signs: &'static str,
}

/// Minutes, hours, day of the month, month, day of the week, year.
const FIELDS: [Field; 6] = [
    Field { range: (0, 59), names: &[], signs: "" },
    Field { range: (0, 23), names: &[], signs: "" },
    Field { range: (1, 31), names: &[], signs: "?LW" },
    Field { range: (1, 12), names: &MONTHS, signs: "" },
    Field { range: (1, 7), names: &DAYS, signs: "?L#" },
    Field { range: (1970, 2199), names: &[], signs: "" },
];

fn is_cron(text: &str) -> bool {
    let fields: Vec<&str> = text.split_whitespace().collect();
    match fields[..] {
        // One of the two days is the other's: `?`.
        [_, _, of_month, _, of_week, _] => {
            (of_month == "?") != (of_week == "?") && FIELDS.iter().zip(&fields).all(|(field, text)| field.takes(text))
        }
        _ => false,
    }
}

impl Field {
    fn takes(&self, text: &str) -> bool {
        match text {
            "*" => true,
            "?" => self.signs.contains('?'),
            _ => text.split(',').all(|part| self.takes_part(part)),
        }
    }

    fn takes_part(&self, part: &str) -> bool {
        let (base, step) = part.split_once('/').map_or((part, None), |(base, step)| (base, Some(step)));
        let step = step.is_none_or(|step| step.parse::<u32>().is_ok_and(|step| step > 0));
        let base = match base.split_once('-') {
            Some((from, to)) => self.value(from).zip(self.value(to)).is_some_and(|(from, to)| from <= to),
            None => base == "*" || self.value(base).is_some() || self.takes_sign(base),
        };
        base && step
    }

    /// `L`, `LW`, `5W`, `5L`, `3#2`.
    fn takes_sign(&self, text: &str) -> bool {
        let has = |sign: char| self.signs.contains(sign);
        if let Some((day, week)) = text.split_once('#') {
            return has('#')
                && self.value(day).is_some()
                && week.parse::<u32>().is_ok_and(|week| (1..=5).contains(&week));
        }
        let number = text.trim_end_matches(['L', 'W']);
        let signs = text.strip_prefix(number).unwrap_or_default();
        !signs.is_empty() && signs.chars().all(has) && (number.is_empty() || self.value(number).is_some())
    }

    fn value(&self, text: &str) -> Option<u32> {
        let (low, high) = self.range;
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let named = named.and_then(|at| u32::try_from(at).ok()).map(|at| at + low);
        named.or_else(|| text.parse().ok().filter(|value| (low..=high).contains(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules() {
        for good in [
            "rate(1 minute)",
            "rate(5 minutes)",
            "rate(1 day)",
            "cron(0 12 * * ? *)",
            "cron(15 10 ? * MON-FRI *)",
            "cron(0/15 8-17 ? * 2#1 2026-2030)",
            "cron(0 18 LW JAN,jul ? *)",
            "cron(0 8 1W * ? *)",
            "cron(0 8 ? * 6L *)",
        ] {
            assert!(is_schedule(good), "{good}");
        }
        for bad in [
            "",
            "rate(5)",
            "rate(0 minutes)",
            "rate(1 minutes)",
            "rate(5 minute)",
            "rate(5 weeks)",
            "every(5 minutes)",
            "cron(0 12 * * * *)",
            "cron(0 12 ? * ? *)",
            "cron(0 12 * * ?)",
            "cron(60 12 * * ? *)",
            "cron(0 12 * 13 ? *)",
            "cron(0 12 ? * 8 *)",
            "cron(0 17-8 ? * MON *)",
            "cron(0/0 8 ? * MON *)",
        ] {
            assert!(!is_schedule(bad), "{bad}");
        }
    }
}
