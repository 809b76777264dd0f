import GradusCore

/// One row of an Open Bandit log: an item at a position, and whether it was clicked.
public struct OpenBanditImpression: Sendable, Equatable {
  public let item: String
  /// From 1.
  public let position: Int
  public let wasClicked: Bool
  /// The probability with which the logging policy chose the item there.
  public let propensity: Double

  public init(item: String, position: Int, wasClicked: Bool, propensity: Double) {
    self.item = item
    self.position = position
    self.wasClicked = wasClicked
    self.propensity = propensity
  }
}

/// Reads the logs of the Open Bandit Dataset (Saito et al., 2020): comma-separated, with a header that names at least `item_id`,
/// `position`, `click` and `propensity_score`; other columns are left alone, `.gz` is unpacked.
///
///     let log = try OpenBanditReader.read("random-impressions.csv.gz")
public enum OpenBanditReader {
  /// - Throws: ``OpenBanditError``, `FileError`, ``GzipError``.
  public static func read(_ path: String) throws -> [OpenBanditImpression] {
    var columns: [Int] = []
    var width = 0
    var impressions: [OpenBanditImpression] = []
    let reader = try LineReader(path: path)
    while let line = try reader.next() {
      let fields = String(decoding: line, as: UTF8.self).split(separator: ",", omittingEmptySubsequences: false)
      guard width > 0 else {
        width = fields.count
        columns = try names.map { name in
          guard let column = fields.firstIndex(where: { $0 == name }) else {
            throw OpenBanditError(file: path, line: reader.lineNumber, reason: .missingColumn(name))
          }
          return column
        }
        continue
      }
      guard fields.count == width else {
        throw OpenBanditError(file: path, line: reader.lineNumber, reason: .fieldCount(expected: width, found: fields.count))
      }
      let values = columns.map { fields[$0] }
      func bad(_ column: Int, _ expected: String) -> OpenBanditError {
        OpenBanditError(
          file: path, line: reader.lineNumber,
          reason: .value(column: names[column], found: String(values[column]), expected: expected))
      }
      guard let position = Int(values[1]), position >= 1 else { throw bad(1, "a position from 1") }
      guard values[2] == "0" || values[2] == "1" else { throw bad(2, "0 or 1") }
      guard let propensity = Double(values[3]), propensity > 0, propensity <= 1 else { throw bad(3, "a probability above 0") }
      impressions.append(
        OpenBanditImpression(
          item: String(values[0]), position: position, wasClicked: values[2] == "1", propensity: propensity))
    }
    return impressions
  }

  private static let names = ["item_id", "position", "click", "propensity_score"]
}

/// A line that is not one of an Open Bandit log.
public struct OpenBanditError: LineError {
  public enum Reason: Equatable, Sendable {
    case missingColumn(String)
    case fieldCount(expected: Int, found: Int)
    case value(column: String, found: String, expected: String)
  }

  public let file: String
  public let line: Int
  public let reason: Reason

  public var problem: String {
    switch reason {
    case .missingColumn(let name): "the header has no column '\(name)'"
    case .fieldCount(let expected, let found): "expected \(expected) fields as in the header, found \(found)"
    case .value(let column, let found, let expected): "\(column) is '\(found)'; expected \(expected)"
    }
  }
}
