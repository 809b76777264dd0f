/// The day and time that a template is told, given by the caller so that the same call renders the same text.
///
///     TemplateDate(year: 2024, month: 7, day: 26)   // "26 Jul 2024" in Llama 3's system prompt
public struct TemplateDate: Sendable, Equatable {
  public let year: Int
  public let month: Int
  public let day: Int
  public let hour: Int
  public let minute: Int
  public let second: Int

  /// Nil where the calendar has no such day or the day no such time; years 1 to 9999.
  public init?(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
    guard 1...9999 ~= year, 1...12 ~= month, day >= 1, day <= Self.daysInMonth(year, month), 0..<24 ~= hour, 0..<60 ~= minute,
      0..<60 ~= second
    else { return nil }
    self.year = year
    self.month = month
    self.day = day
    self.hour = hour
    self.minute = minute
    self.second = second
  }

  /// From `2024-07-26`.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.map(\.utf8.count) == [4, 2, 2], let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2])
    else {
      return nil
    }
    self.init(year: year, month: month, day: day)
  }

  private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && year % 100 != 0 || year % 400 == 0 }

  private static func daysInMonth(_ year: Int, _ month: Int) -> Int {
    month == 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  /// From 1.
  private var dayOfYear: Int { (1..<month).reduce(day) { $0 + Self.daysInMonth(year, $1) } }

  /// Sunday is 0.
  private var weekday: Int {
    let past = year - 1
    return (past * 365 + past / 4 - past / 100 + past / 400 + dayOfYear) % 7
  }

  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
  ]
  private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

  /// C's `strftime` in English, without the conversions that depend on a place or a time zone.
  func formatted(_ format: String) throws(TemplateError.Reason) -> String {
    func padded(_ value: Int, _ width: Int = 2) -> String {
      let digits = "\(value)"
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    var result = ""
    var scalars = format.unicodeScalars.makeIterator()
    while let scalar = scalars.next() {
      guard scalar == "%" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      var conversion = scalars.next()
      let isPlain = conversion == "-"
      if isPlain { conversion = scalars.next() }
      func number(_ value: Int) -> String { isPlain ? "\(value)" : padded(value) }
      switch conversion {
      case "d": result += number(day)
      case "m": result += number(month)
      case "y": result += number(year % 100)
      case "H": result += number(hour)
      case "I": result += number((hour + 11) % 12 + 1)
      case "M": result += number(minute)
      case "S": result += number(second)
      case "Y" where !isPlain: result += padded(year, 4)
      case "j" where !isPlain: result += padded(dayOfYear, 3)
      case "e" where !isPlain: result += (day < 10 ? " " : "") + "\(day)"
      case "p" where !isPlain: result += hour < 12 ? "AM" : "PM"
      case "b" where !isPlain: result += Self.months[month - 1].prefix(3)
      case "B" where !isPlain: result += Self.months[month - 1]
      case "a" where !isPlain: result += Self.weekdays[weekday].prefix(3)
      case "A" where !isPlain: result += Self.weekdays[weekday]
      case "F" where !isPlain: result += "\(padded(year, 4))-\(padded(month))-\(padded(day))"
      case "T" where !isPlain: result += "\(padded(hour)):\(padded(minute)):\(padded(second))"
      case "%" where !isPlain: result += "%"
      default: throw .unsupported("date conversion '%\(isPlain ? "-" : "")\(conversion.map { "\($0)" } ?? "")'")
      }
    }
    return result
  }
}

extension TemplateError.Reason: Error {}
