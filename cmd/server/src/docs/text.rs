//! The conversion of text to HTML.

/// Escapes text for elements and attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Converts paragraphs, with `code` between backticks. Lines that begin with a dash become a list.
pub(super) fn prose(text: &str) -> String {
    let blocks = text.split("\n\n").map(|block| {
        let items: Option<Vec<&str>> = block.lines().map(|line| line.strip_prefix("- ")).collect();
        match items {
            Some(items) => {
                let items: Vec<_> = items
                    .into_iter()
                    .map(|item| format!("<li>{}</li>", inline(item)))
                    .collect();
                let items = items.concat();
                format!("<ul class=\"bullets\">{items}</ul>")
            }
            None => format!("<p>{}</p>", inline(block)),
        }
    });
    blocks.collect()
}

/// Converts one line, with `code` between backticks.
pub(super) fn inline(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(place, part)| {
        if place % 2 == 1 {
            format!("<code>{}</code>", escape(part))
        } else {
            escape(part)
        }
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_escaped() {
        assert_eq!(
            inline("a <b> `c & d` 'e'"),
            "a &lt;b&gt; <code>c &amp; d</code> &#39;e&#39;"
        );
        assert_eq!(
            prose("a\n\n- b\n- c"),
            "<p>a</p><ul class=\"bullets\"><li>b</li><li>c</li></ul>"
        );
    }
}
