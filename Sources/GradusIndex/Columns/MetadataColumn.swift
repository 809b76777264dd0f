import GradusCore

/// A metadata attribute of the documents that an index holds as a column, to filter by.
///
///     let columns = try MetadataColumn.parse("year:date,lang:keyword,price:number")
///
/// A document without the attribute has no value: no comparison holds for it.
public struct MetadataColumn: Sendable, Codable, Hashable {
  /// How values are read and compared.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    /// Compared for equality, byte by byte.
    case keyword
    case number
    /// ISO 8601: `2021`, `2021-04`, `2021-04-30` or `2021-04-30T12:00:00Z`, in UTC. A value stands for its first moment; in a
    /// filter the text stands for the whole year, month or day.
    case date
  }

  /// Name of the attribute.
  public let name: String
  public let kind: Kind

  public init(_ name: String, _ kind: Kind) {
    self.name = name
    self.kind = kind
  }

  /// Reads `name:kind,name:kind`.
  ///
  /// - Throws: ``IndexError/invalidQuery(_:)``.
  public static func parse(_ text: String) throws -> [MetadataColumn] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      let sides = part.split(separator: ":", omittingEmptySubsequences: false)
      guard sides.count == 2, !sides[0].isEmpty, let kind = Kind(rawValue: String(sides[1])) else {
        throw IndexError.invalidQuery(
          "'\(part)' is no column: expected name:kind, where the kind is keyword, number or date")
      }
      return MetadataColumn(String(sides[0]), kind)
    }
  }
}

/// A moment, month or the like, in seconds since 1970: from the first included to the end left out.
struct DateInterval: Equatable {
  let start: Double
  let end: Double

  /// Reads the forms that ``MetadataColumn/Kind/date`` lists, or returns nil.
  init?(_ text: String) {
    let halves = text.split(separator: "T", omittingEmptySubsequences: false)
    guard halves.count <= 2, let date = Self.numbers(halves[0], separator: "-", widths: [4, 2, 2]) else { return nil }
    let year = date[0], month = date.count > 1 ? date[1] : 1, day = date.count > 2 ? date[2] : 1
    guard (1...12).contains(month), day >= 1, day <= Self.days(inMonth: month, of: year) else { return nil }
    let first = Double(Self.day(year, month, day)) * 86_400
    if halves.count == 2 {
      var time = halves[1]
      if time.hasSuffix("Z") { time = time.dropLast() }
      guard date.count == 3, let clock = Self.numbers(time, separator: ":", widths: [2, 2, 2]), clock.count >= 2,
        clock[0] < 24, clock[1] < 60, clock.count < 3 || clock[2] < 60
      else { return nil }
      start = first + Double(clock[0] * 3600 + clock[1] * 60 + (clock.count > 2 ? clock[2] : 0))
      end = start + (clock.count > 2 ? 1 : 60)
      return
    }
    start = first
    let next =
      switch date.count {
      case 1: Self.day(year + 1, 1, 1)
      case 2: month == 12 ? Self.day(year + 1, 1, 1) : Self.day(year, month + 1, 1)
      default: Self.day(year, month, day) + 1
      }
    end = Double(next) * 86_400
  }

  /// One to three numbers of exactly so many digits.
  private static func numbers(_ text: Substring, separator: Character, widths: [Int]) -> [Int]? {
    let parts = text.split(separator: separator, omittingEmptySubsequences: false)
    guard parts.count <= widths.count else { return nil }
    var numbers: [Int] = []
    for (part, width) in zip(parts, widths) {
      guard part.utf8.count == width, part.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(part) else {
        return nil
      }
      numbers.append(number)
    }
    return numbers
  }

  private static func days(inMonth month: Int, of year: Int) -> Int {
    if month == 2 { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28 }
    return [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  /// Days since 1970-01-01 in the Gregorian calendar, counted in eras of 400 years that begin in March.
  private static func day(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let shifted = month > 2 ? year : year - 1
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - 400 * era
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return 146_097 * era + 365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
