/// The parts of one document as bytes, in buffers that are used again for the next one.
struct DocumentFields {
  var docno: [UInt8] = []
  var title: [UInt8] = []
  var text: [UInt8] = []
  var metadata: [String: String] = [:]
  /// Where the document stands.
  var file = ""
  var line = 0

  mutating func clear() {
    docno.removeAll(keepingCapacity: true)
    title.removeAll(keepingCapacity: true)
    text.removeAll(keepingCapacity: true)
    if !metadata.isEmpty { metadata = [:] }
  }
}

/// One format's way of reading documents.
protocol DocumentSource: AnyObject {
  /// Puts the next document into `fields`, which have been cleared; false after the last.
  func next(into fields: inout DocumentFields) throws -> Bool
}
