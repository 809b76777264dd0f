import CLibXML2

/// A parsed HTML page, by libxml2's forgiving parser.
///
///     HTMLTree.parse(bytes)?.forEachElement { print($0.name) }
final class HTMLTree {
  private let document: xmlDocPtr

  private init(_ document: xmlDocPtr) { self.document = document }
  deinit { xmlFreeDoc(document) }

  /// Nil where nothing can be made of the bytes. Text that is valid UTF-8 is read as such, whatever the page declares.
  static func parse(_ bytes: [UInt8]) -> HTMLTree? {
    let isUTF8 = bytes.withUnsafeBufferPointer { String(validating: $0, as: UTF8.self) } != nil
    let options = HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue | HTML_PARSE_NOWARNING.rawValue
      | HTML_PARSE_NONET.rawValue | HTML_PARSE_COMPACT.rawValue
    let document = bytes.withUnsafeBytes { buffer -> htmlDocPtr? in
      htmlReadMemory(
        buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(clamping: buffer.count), nil, isUTF8 ? "UTF-8" : nil,
        Int32(bitPattern: options))
    }
    return document.map(HTMLTree.init)
  }

  var root: Node? { xmlDocGetRootElement(document).map { Node(pointer: $0) } }

  /// All elements in document order.
  func forEachElement(_ body: (Node) -> Void) {
    func visit(_ node: Node) {
      guard node.isElement else { return }
      body(node)
      node.forEachChild(visit)
    }
    root.map(visit)
  }

  /// An element or a run of text. Valid as long as the tree is.
  struct Node {
    fileprivate let pointer: xmlNodePtr

    var isElement: Bool { pointer.pointee.type == XML_ELEMENT_NODE }

    /// Lower-case tag; empty for text.
    var name: String {
      guard isElement, let name = pointer.pointee.name else { return "" }
      return String(cString: name)
    }

    /// The characters of a run of text; nil for anything else.
    var characters: String? {
      guard pointer.pointee.type == XML_TEXT_NODE || pointer.pointee.type == XML_CDATA_SECTION_NODE,
        let content = pointer.pointee.content
      else { return nil }
      return String(cString: content)
    }

    func attribute(_ name: String) -> String? {
      guard isElement else { return nil }
      var attribute = pointer.pointee.properties
      while let current = attribute {
        if let key = current.pointee.name, String(cString: key) == name {
          return current.pointee.children?.pointee.content.map { String(cString: $0) } ?? ""
        }
        attribute = current.pointee.next
      }
      return nil
    }

    func forEachChild(_ body: (Node) -> Void) {
      var child = pointer.pointee.children
      while let current = child {
        body(Node(pointer: current))
        child = current.pointee.next
      }
    }

    /// All text below the node.
    var text: String {
      if let characters { return characters }
      var result = ""
      forEachChild { result += $0.text }
      return result
    }
  }
}
