/// A page that stands alone: no scripts, fonts or pictures from elsewhere; light or dark as the reader's system is.
struct HTMLPage {
  private let title: String
  private var body = ""

  init(title: String) {
    self.title = title
    body = "<h1>\(Self.escaped(title))</h1>\n"
  }

  static func escaped(_ text: some StringProtocol) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\t", "\n": result.unicodeScalars.append(scalar)
      // Control characters are not allowed in a page, not even escaped.
      case _ where scalar.properties.generalCategory == .control: result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  mutating func heading(_ text: String, level: Int = 2) { body += "<h\(level)>\(Self.escaped(text))</h\(level)>\n" }
  mutating func paragraph(_ text: String) { body += "<p>\(Self.escaped(text))</p>\n" }
  /// Markup that is well formed by itself, such as a chart.
  mutating func raw(_ markup: String) { body += markup }

  mutating func charts(_ svgs: [String]) { body += "<div class=\"charts\">\n\(svgs.joined())</div>\n" }

  /// Cells as text; the first column is aligned to the left, the others to the right.
  mutating func table(_ header: [String], _ rows: [[String]]) {
    func row(_ cells: [String], _ tag: String) -> String {
      "<tr>" + cells.map { "<\(tag)>\(Self.escaped($0))</\(tag)>" }.joined() + "</tr>\n"
    }
    body += "<div class=\"wide\"><table>\n<thead>\(row(header, "th"))</thead>\n<tbody>\n"
    body += rows.map { row($0, "td") }.joined() + "</tbody>\n</table></div>\n"
  }

  var html: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(Self.escaped(title))</title>
    <style>
    :root { color-scheme: light dark; --ink: #1b1b1b; --page: #ffffff; --rule: #cccccc; --shade: #f4f4f4; --mark: #ffe08a; }
    @media (prefers-color-scheme: dark) {
      :root { --ink: #e6e6e6; --page: #16181a; --rule: #444444; --shade: #202326; --mark: #6b5310; }
    }
    body { color: var(--ink); background: var(--page); font: 16px/1.5 system-ui, sans-serif; margin: 0; }
    main { max-width: 72rem; margin: 0 auto; padding: 1.5rem; }
    .wide { overflow-x: auto; }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0.5rem 0 1rem; }
    th, td { padding: 0.3rem 0.8rem; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
    th:first-child, td:first-child { text-align: left; }
    thead th { background: var(--shade); }
    .charts { display: flex; flex-wrap: wrap; gap: 1rem; }
    svg { max-width: 100%; height: auto; }
    .charts svg { flex: 1 1 28rem; min-width: min(28rem, 100%); max-width: 40rem; }
    .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
    .answer { background: var(--shade); padding: 0.5rem 0.8rem; border-left: 4px solid var(--rule); margin: 0.4rem 0; }
    .relevant { border-left-color: #009E73; }
    mark { background: var(--mark); color: inherit; }
    </style>
    </head>
    <body>
    <main>
    \(body)</main>
    </body>
    </html>

    """
  }
}
