//! The two texts in which metrics are read: OpenMetrics 1.0, and the older text format of Prometheus.

/// How the metrics are laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exposition {
    /// OpenMetrics 1.0: a counter's family has no `_total`, the text ends with `# EOF`.
    OpenMetrics,
    /// Prometheus text format 0.0.4: a family is named as its samples are.
    Text,
}

impl Exposition {
    /// What a client with this `Accept` reads: OpenMetrics only if it asks for it.
    pub(crate) fn of(accept: &str) -> Self {
        let asks = accept.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_it =
                parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/openmetrics-text"));
            is_it && !parts.any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        });
        if asks { Self::OpenMetrics } else { Self::Text }
    }

    /// The media type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Lays an OpenMetrics text out.
    pub(super) fn lay_out(self, open_metrics: String) -> String {
        match self {
            Self::OpenMetrics => open_metrics,
            Self::Text => text_of(&open_metrics),
        }
    }
}

/// Renames the families whose samples have a suffix, and drops what the older format does not know.
fn text_of(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len() + 1_024);
    let mut help = "";
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            // Its name depends on the type, which the next line tells.
            help = rest.split_once(' ').map_or("", |(_, help)| help);
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "unknown" if name.ends_with("_total") => ("", "counter"),
                "unknown" => ("", "untyped"),
                kind => ("", kind),
            };
            text.push_str(&format!("# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"));
        } else if !line.starts_with("# ") {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_only_for_those_who_ask() {
        for (accept, want) in [
            ("", Exposition::Text),
            ("*/*", Exposition::Text),
            ("text/plain;version=0.0.4", Exposition::Text),
            ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", Exposition::OpenMetrics),
            ("text/plain, Application/OpenMetrics-Text", Exposition::OpenMetrics),
            ("application/openmetrics-text;q=0, text/plain", Exposition::Text),
        ] {
            assert_eq!(Exposition::of(accept), want, "{accept}");
        }
    }

    #[test]
    fn families_are_named_as_their_samples_in_the_older_format() {
        let open_metrics = "# HELP a All a.\n# TYPE a counter\na_total{b=\"c\"} 1\n# HELP d_seconds How long.\n\
                            # TYPE d_seconds histogram\n# UNIT d_seconds seconds\nd_seconds_sum 1.0\n# HELP e Which.\n# TYPE e info\n\
                            e_info{v=\"1\"} 1\n# HELP f_total F.\n# TYPE f_total unknown\nf_total 2\n# EOF\n";
        let want = "# HELP a_total All a.\n# TYPE a_total counter\na_total{b=\"c\"} 1\n# HELP d_seconds How long.\n\
                    # TYPE d_seconds histogram\nd_seconds_sum 1.0\n# HELP e_info Which.\n# TYPE e_info gauge\n\
                    e_info{v=\"1\"} 1\n# HELP f_total F.\n# TYPE f_total counter\nf_total 2\n";
        assert_eq!(text_of(open_metrics), want);
    }
}
