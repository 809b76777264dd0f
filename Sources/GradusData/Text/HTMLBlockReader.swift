/// Reads a manual page in HTML as blocks, leaving out navigation, tables of contents, scripts and permalink marks.
///
///     HTMLBlockReader().blocks(of: page)   // [.heading(level: 1, text: "Frequently asked questions"), .prose("...")]
///
/// Made for the pages of Sphinx, DocBook, Texinfo and AsciiDoc, whose class names for navigation it knows.
struct HTMLBlockReader {
  /// Elements with one of these classes are headings of level ``questionLevel``: FAQs that are laid out as tables or
  /// definition lists.
  var questionClasses: Set<String> = []

  /// Below every `h1` to `h6`.
  static let questionLevel = 7

  func blocks(of page: [UInt8]) -> [DocumentBlock] {
    guard let tree = HTMLTree.parse(page), let root = tree.root else { return [] }
    if isForwarding(tree) { return [] }
    var collector = Collector()
    visit(root, &collector)
    collector.flush()
    return collector.blocks
  }

  /// A page that only sends the browser to another one.
  private func isForwarding(_ tree: HTMLTree) -> Bool {
    var result = false
    tree.forEachElement { if $0.name == "meta", $0.attribute("http-equiv")?.lowercased() == "refresh" { result = true } }
    return result
  }

  private struct Collector {
    var blocks: [DocumentBlock] = []
    var line = ""

    mutating func flush() {
      let text = line.squeezed
      if !text.isEmpty { blocks.append(.prose(text)) }
      line = ""
    }
  }

  private func visit(_ node: HTMLTree.Node, _ collector: inout Collector) {
    if let characters = node.characters {
      collector.line += characters
      return
    }
    guard node.isElement else { return }
    let name = node.name
    let classes = (node.attribute("class") ?? "").split(separator: " ").map(String.init)
    if isSkipped(name, classes, node) { return }

    if classes.contains(where: questionClasses.contains) {
      collector.flush()
      collector.blocks.append(.heading(level: Self.questionLevel, text: visibleText(of: node).squeezed))
      return
    }
    switch name {
    case "h1", "h2", "h3", "h4", "h5", "h6":
      collector.flush()
      let text = visibleText(of: node).squeezed
      if !text.isEmpty { collector.blocks.append(.heading(level: Int(name.dropFirst())!, text: text)) }
    case "dt":
      collector.flush()
      let text = visibleText(of: node).squeezed
      if !text.isEmpty { collector.blocks.append(.term(text)) }
    case "pre":
      collector.flush()
      let text = visibleText(of: node).squeezed
      if !text.isEmpty { collector.blocks.append(.code(text)) }
    case "br", "td", "th":
      collector.line += " "
      visitChildren(node, &collector)
    case _ where Self.blockElements.contains(name):
      collector.flush()
      visitChildren(node, &collector)
      collector.flush()
    default:
      visitChildren(node, &collector)
    }
  }

  private func visitChildren(_ node: HTMLTree.Node, _ collector: inout Collector) {
    node.forEachChild { visit($0, &collector) }
  }

  private func visibleText(of node: HTMLTree.Node) -> String {
    if let characters = node.characters { return characters }
    var result = ""
    node.forEachChild { child in
      let classes = (child.attribute("class") ?? "").split(separator: " ").map(String.init)
      if child.isElement && isSkipped(child.name, classes, child) { return }
      let isSeparated = child.name == "br" || Self.blockElements.contains(child.name)
      result += (isSeparated ? " " : "") + visibleText(of: child)
    }
    return result
  }

  private func isSkipped(_ name: String, _ classes: [String], _ node: HTMLTree.Node) -> Bool {
    if Self.skippedElements.contains(name) || classes.contains(where: Self.skippedClasses.contains) { return true }
    if node.attribute("role") == "navigation" { return true }
    guard let id = node.attribute("id") else { return false }
    return Self.skippedIdentifiers.contains(id)
  }

  private static let blockElements: Set<String> = [
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "fieldset",
    "figcaption", "figure", "hr", "html", "li", "main", "ol", "p", "section", "summary", "table", "tbody", "thead", "tr", "ul",
  ]
  private static let skippedElements: Set<String> = [
    "button", "footer", "form", "head", "iframe", "nav", "noscript", "script", "select", "style", "svg", "template",
  ]
  private static let skippedClasses: Set<String> = [
    "anchor", "bottomlang", "comments_area", "contents", "copyright", "footer", "header", "headerlink", "indexterm", "language",
    "menu", "nav", "navfooter", "navheader", "navigation", "nav-path-container", "pull-right", "qandaset-toc", "related",
    "section-toc", "shortcontents", "short-contents", "sidemenu", "sphinxsidebar", "toc", "toctree-wrapper", "toplang", "up",
    "table-of-contents", "viewcode-link",
  ]
  private static let skippedIdentifiers: Set<String> = [
    "docs-sidebar", "docs-sidebar-popout", "docs-top-navigation", "docs-top-navigation-container", "docs-version-header",
    "footer", "hd", "nav", "page-header", "path", "quickview", "sidebar", "toc", "sidebarbutton", "global-nav",
  ]
}
