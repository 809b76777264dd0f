import GradusCore

/// Reads feature files in LETOR's format, which is SVMrank's and SVMlight's, too: a line a document,
///
///     GRADE qid:ID 1:0.3 7:12.5 ... # docid = GX001-23-456 inc = 1
///
/// Feature numbers start at 1 and rise; a feature that is not named is 0. The lines of a query lie together. A document is
/// named by `docid` in the comment, else by its place within the query, from 1. LightGBM's files have no `qid`: a second file
/// holds the number of lines of each query, and queries are named by their place.
///
///     let data = try LETORReader.read("MSLR-WEB10K/Fold1/train.txt.gz")
public enum LETORReader {
  /// Largest number of a feature: a table is dense, and a line alone must not ask for gigabytes.
  public static let mostFeatures = 1 << 16
  /// Numbers that a table may hold: 8 GB.
  static let mostNumbers = 1 << 31

  /// - Parameters:
  ///   - groups: LightGBM's file of group sizes, for files without `qid`.
  ///   - width: Features of a row; nil for the largest number in the file. With it, a larger number is an error.
  /// - Throws: ``LETORError``, ``TextFileError``, ``GzipError``, `FileError`.
  public static func read(_ path: String, groups: String? = nil, width: Int? = nil) throws -> FeatureData {
    try read(path, groups: groups, width: width, mostNumbers: mostNumbers)
  }

  static func read(_ path: String, groups: String? = nil, width: Int? = nil, mostNumbers: Int) throws -> FeatureData {
    var rows = Rows(file: path, hasQids: groups == nil, width: width)
    let reader = try LineReader(path: path)
    while let line = try reader.next() { try rows.add(line, number: reader.lineNumber) }
    if let groups { try rows.group(by: groups) }
    return try rows.data(mostNumbers: mostNumbers)
  }

  /// Rows while they are read: only features that are named.
  private struct Rows {
    let file: String
    let hasQids: Bool
    let width: Int?
    private var groups: [FeatureData.Group] = []
    private var qids: Set<String> = []
    private var docnos: [String?] = []
    private var lines: [Int] = []
    private var grades: [Int] = []
    private var starts = [0]
    private var numbers: [Int32] = []
    private var values: [Float] = []
    private var widest = 0

    init(file: String, hasQids: Bool, width: Int?) {
      self.file = file
      self.hasQids = hasQids
      self.width = width
    }

    private func error(_ line: Int, _ reason: LETORError.Reason) -> LETORError {
      LETORError(file: file, line: line, reason: reason)
    }

    mutating func add(_ line: UnsafeBufferPointer<UInt8>, number: Int) throws(LETORError) {
      let comment = line.firstIndex(of: UInt8(ascii: "#")) ?? line.count
      var fields = FieldSplitter(UnsafeBufferPointer(rebasing: line[..<comment]))
      guard let first = fields.next() else { return }
      guard let grade = Self.grade(first) else { throw error(number, .grade(String(utf8: first))) }
      var field = fields.next()
      if let text = field, let qid = Self.qid(text) {
        guard hasQids else { throw error(number, .unexpectedQid(qid)) }
        try open(qid, line: number)
        field = fields.next()
      } else if hasQids {
        throw error(number, .noQid)
      }
      var last = 0
      let limit = width ?? LETORReader.mostFeatures
      while let text = field {
        let parts = text.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let place = DecimalParser.integer(UnsafeBufferPointer(rebasing: parts[0])), place >= 1,
          let value = DecimalParser.double(UnsafeBufferPointer(rebasing: parts[1])),
          Float(value).isFinite
        else { throw error(number, .feature(String(utf8: text))) }
        guard place > last else { throw error(number, .featureOrder(place, after: last)) }
        if place > limit { throw error(number, .featureNumber(place, limit: limit)) }
        last = place
        numbers.append(Int32(place - 1))
        values.append(Float(value))
        field = fields.next()
      }
      widest = max(widest, last)
      starts.append(numbers.count)
      grades.append(grade)
      lines.append(number)
      docnos.append(comment < line.count ? Self.docid(UnsafeBufferPointer(rebasing: line[(comment + 1)...])) : nil)
    }

    /// Goes on with a query, or begins one.
    private mutating func open(_ qid: String, line: Int) throws(LETORError) {
      let row = grades.count
      if let last = groups.last, last.qid == qid {
        groups[groups.count - 1] = FeatureData.Group(qid: qid, rows: last.rows.lowerBound..<row + 1)
        return
      }
      guard qids.insert(qid).inserted else { throw error(line, .scattered(qid: qid)) }
      groups.append(FeatureData.Group(qid: qid, rows: row..<row + 1))
    }

    /// Cuts the rows by the sizes in a file, a number a line.
    mutating func group(by path: String) throws {
      let reader = try LineReader(path: path)
      var row = 0
      while let line = try reader.next() {
        var fields = FieldSplitter(line)
        guard let text = fields.next() else { continue }
        guard let size = DecimalParser.integer(text), size >= 1, size <= Int(Int32.max), fields.next() == nil else {
          throw LETORError(file: path, line: reader.lineNumber, reason: .groupSize(String(utf8: line)))
        }
        groups.append(FeatureData.Group(qid: "\(groups.count + 1)", rows: row..<row + size))
        row += size
      }
      guard row == grades.count else {
        throw LETORError(file: path, line: 0, reason: .groupSum(rows: grades.count, sum: row))
      }
    }

    func data(mostNumbers: Int) throws(LETORError) -> FeatureData {
      guard !grades.isEmpty else { throw error(0, .empty) }
      let width = width ?? max(widest, 1)
      guard width <= mostNumbers / grades.count else {
        throw error(0, .tooLarge(rows: grades.count, features: width))
      }
      var features = [Float](repeating: 0, count: grades.count * width)
      for row in grades.indices {
        for position in starts[row]..<starts[row + 1] { features[row * width + Int(numbers[position])] = values[position] }
      }
      var names: [String] = []
      names.reserveCapacity(docnos.count)
      for group in groups {
        var known: Set<String> = []
        for row in group.rows {
          let name = docnos[row] ?? "\(row - group.rows.lowerBound + 1)"
          guard known.insert(name).inserted else { throw error(lines[row], .duplicate(qid: group.qid, docno: name)) }
          names.append(name)
        }
      }
      return FeatureData(groups: groups, docnos: names, grades: grades, width: width, features: features)
    }

    /// A whole number from 0 on, which may be written as `2.0`.
    private static func grade(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
      if let number = DecimalParser.integer(text) { return number >= 0 ? number : nil }
      guard let value = DecimalParser.double(text), let number = Int(exactly: value), number >= 0 else { return nil }
      return number
    }

    private static func qid(_ text: UnsafeBufferPointer<UInt8>) -> String? {
      let mark = "qid:".utf8
      guard text.count > mark.count, text.starts(with: mark) else { return nil }
      return String(utf8: UnsafeBufferPointer(rebasing: text[mark.count...]))
    }

    /// The document that a comment names: `docid = NAME`, blanks around the sign or not.
    private static func docid(_ comment: UnsafeBufferPointer<UInt8>) -> String? {
      var fields = FieldSplitter(comment)
      while let field = fields.next() {
        guard field.starts(with: "docid".utf8) else { continue }
        var rest = Array(field.dropFirst("docid".utf8.count))
        if rest.isEmpty, let sign = fields.next() { rest = Array(sign) }
        guard rest.first == UInt8(ascii: "=") else { continue }
        rest.removeFirst()
        if !rest.isEmpty { return String(decoding: rest, as: UTF8.self) }
        return fields.next().map { String(utf8: $0) }
      }
      return nil
    }
  }
}
