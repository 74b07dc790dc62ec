use super::*;

fn html(input: &str) -> String {
    tame(input).html
}

#[test]
fn every_element_that_is_opened_is_closed() {
    assert_eq!(html("<p>a<b>b"), "<p>a<b>b</b></p>");
    assert_eq!(html("<ul><li>a<li>b"), "<ul><li>a</li><li>b</li></ul>");
}

#[test]
fn a_block_closes_the_paragraph_before_it() {
    assert_eq!(html("<p>a<div>b"), "<p>a</p><div>b</div>");
    assert_eq!(html("<p>a<h1>b<h2>c"), "<p>a</p><h1>b</h1><h2>c</h2>");
}

#[test]
fn a_list_inside_an_item_does_not_end_that_item() {
    assert_eq!(
        html("<ul><li>a<ul><li>b</ul><li>c</ul>"),
        "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"
    );
}

#[test]
fn end_tags_without_a_start_are_dropped() {
    assert_eq!(html("a</p></div></b></td>b"), "ab");
    assert_eq!(
        html("<table><tr><td></div></p>x"),
        "<table><tr><td>x</td></tr></table>"
    );
}

#[test]
fn a_cell_cannot_be_left_by_an_end_tag_of_something_outside() {
    assert_eq!(
        html("<div><table><tr><td>a</div>b"),
        "<div><table><tr><td>ab</td></tr></table></div>"
    );
}

#[test]
fn formatting_outside_of_a_cell_is_not_opened_again_inside() {
    assert_eq!(
        html("<b>a<table><tr><td>b"),
        "<b>a<table><tr><td>b</td></tr></table></b>"
    );
}

#[test]
fn text_between_rows_gets_a_cell() {
    assert_eq!(
        html("<table>a<tr>b<td>c"),
        "<table><tr><td>a</td></tr><tr><td>b</td><td>c</td></tr></table>"
    );
}

#[test]
fn table_parts_without_a_table_are_only_their_content() {
    assert_eq!(html("<tr><td>a</td><td>b</td></tr>"), "ab");
}

#[test]
fn the_page_itself_becomes_a_box_with_its_colours() {
    assert_eq!(
        html("<html><body bgcolor=red text=#ABC style='margin:0' onload=x>a</body></html>"),
        "<div style=\"color:#abc;background-color:red;margin:0\">a</div>"
    );
}

#[test]
fn comments_instructions_and_raw_text_are_gone() {
    assert_eq!(
        html("a<!--b--><?c?><!doctype d><style>e</style><script>f</script><title>g</title>h"),
        "ah"
    );
}

#[test]
fn at_most_256_elements_are_open_at_once() {
    let tame = tame(&format!(
        "{}x{}y",
        "<div>".repeat(1_000),
        "</div>".repeat(1_000)
    ));
    assert_eq!(tame.depth, MAX_NESTING);
    assert!(tame.limited);
    assert!(tame.html.ends_with("</div>y"));
    assert_eq!(tame.html.matches("<div>").count(), MAX_NESTING);
}

#[test]
fn at_most_100_000_elements_are_written() {
    let tame = tame(&"<p>x".repeat(300_000));
    assert!(tame.limited);
    assert!(tame.elements <= MAX_ELEMENTS);
    assert_eq!(tame.html.matches('x').count(), 300_000);
}

#[test]
fn formatting_that_is_opened_again_counts_as_work() {
    let fonts: String = (0..60).map(|n| format!("<font size={n}>")).collect();
    let tame = tame(&format!("<p>{fonts}x{}", "<p>x".repeat(100_000)));
    assert!(tame.limited);
    assert!(tame.elements <= MAX_ELEMENTS, "{}", tame.elements);
}

#[test]
fn an_ordinary_mail_reaches_no_limit() {
    let rows =
        "<tr><td style=\"padding:4px\"><a href=https://a.example>x</a></td></tr>".repeat(5_000);
    let tame = tame(&format!("<table>{rows}</table>"));
    assert!(!tame.limited);
    assert_eq!(tame.elements, 15_001);
}
