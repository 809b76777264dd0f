#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

func logarithm(_ value: Double) -> Double { log(value) }
func binaryLogarithm(_ value: Double) -> Double { log2(value) }
func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

/// A description of a retrieval model that cannot be understood, such as `bm25(k=0.9)`.
public enum ModelSpecificationError: GradusError, Equatable {
  case unknownModel(String, known: [String])
  /// The text is not of the form `name` or `name(parameter=value,...)`.
  case malformed(String)
  case unknownParameter(String, nearest: String, known: [String])
  case repeatedParameter(String)
  case notANumber(parameter: String, text: String)
  case outOfRange(parameter: String, value: Double, allowed: String)

  public var failureKind: FailureKind { .usage }

  public var description: String {
    switch self {
    case .unknownModel(let name, let known):
      "unknown model '\(name)'"
        + (Spelling.nearest(to: name, among: known).map { ", did you mean '\($0)'? Known: " } ?? "; known: ")
        + known.joined(separator: ", ")
    case .malformed(let text):
      "'\(text)' is no model: expected a name and, in brackets, parameters, such as bm25(k1=0.9,b=0.4)"
    case .unknownParameter(let name, let nearest, let known):
      "unknown parameter '\(name)', did you mean '\(nearest)'? Known: \(known.joined(separator: ", "))"
    case .repeatedParameter(let name):
      "parameter '\(name)' is given twice"
    case .notANumber(let parameter, let text):
      "parameter \(parameter): '\(text)' is not a number"
    case .outOfRange(let parameter, let value, let allowed):
      "parameter \(parameter): \(value) is not allowed; expected \(allowed)"
    }
  }

  static func check(
    _ parameter: String, _ value: Double, _ isAllowed: Bool, _ allowed: String
  ) throws(ModelSpecificationError) {
    if !isAllowed { throw .outOfRange(parameter: parameter, value: value, allowed: allowed) }
  }

  /// Takes `name(parameter=value,...)` apart: for everything that is described so.
  ///
  /// - Parameters:
  ///   - model: The name that the text must begin with, in small letters.
  ///   - parameters: Those that may be given, each at most once; nil for any.
  public static func arguments(
    of specification: String, model: String, parameters: [String]?
  ) throws(ModelSpecificationError) -> [(name: String, value: Double)] {
    let text = specification.filter { !$0.isWhitespace }
    let name = text.prefix { $0 != "(" }
    guard name.lowercased() == model else { throw .unknownModel(String(name), known: [model]) }
    guard name.count < text.count else { return [] }
    guard text.hasSuffix(")") else { throw .malformed(specification) }
    let list = text.dropFirst(name.count + 1).dropLast()
    if list.isEmpty { return [] }
    var arguments: [(name: String, value: Double)] = []
    for part in list.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", omittingEmptySubsequences: false)
      guard sides.count == 2 else { throw .malformed(specification) }
      let parameter = String(sides[0])
      if let parameters, !parameters.contains(parameter) { throw unknown(parameter, model: model, known: parameters) }
      guard !arguments.contains(where: { $0.name == parameter }) else { throw .repeatedParameter(parameter) }
      guard let value = Double(sides[1]), value.isFinite else {
        throw .notANumber(parameter: parameter, text: String(sides[1]))
      }
      arguments.append((parameter, value))
    }
    return arguments
  }

  /// A parameter that a model does not have, with the most similar one that it has.
  static func unknown(_ parameter: String, model: String, known: [String]) -> ModelSpecificationError {
    let nearest = known.min { editDistance($0, parameter) < editDistance($1, parameter) }
    return .unknownParameter(parameter, nearest: nearest ?? model, known: known)
  }

  /// Levenshtein distance, ignoring case.
  private static func editDistance(_ first: String, _ second: String) -> Int {
    let target = Array(second.lowercased())
    var row = Array(0...target.count)
    for (place, character) in first.lowercased().enumerated() {
      var diagonal = row[0]
      row[0] = place + 1
      for column in target.indices {
        let substitution = diagonal + (target[column] == character ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(substitution, diagonal + 1, row[column] + 1)
      }
    }
    return row[target.count]
  }
}
