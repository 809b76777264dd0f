#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore
import GradusIndex

func binaryLogarithm(_ value: Double) -> Double { log2(value) }

/// Feedback methods by name.
///
///     rm3(docs,terms,weight)  bo1(docs,terms,weight,mindocs)  kl(docs,terms,weight,mindocs)
///     rocchio(docs,terms,alpha,beta)  axiomatic(docs,background,terms,beta)
public enum RelevanceFeedbackMethods {
  public static let names = ["rm3", "bo1", "kl", "rocchio", "axiomatic"]

  /// Reads `name` or `name(parameter=value,...)`; parameters that are left out have their defaults.
  ///
  /// - Throws: `ModelSpecificationError`.
  public static func parse(_ specification: String) throws(ModelSpecificationError) -> any RelevanceFeedback {
    let name = String(specification.prefix { $0 != "(" }.filter { !$0.isWhitespace }).lowercased()
    let parameters: [String] =
      switch name {
      case "rm3": ["docs", "terms", "weight"]
      case "bo1", "kl": ["docs", "terms", "weight", "mindocs"]
      case "rocchio": ["docs", "terms", "alpha", "beta"]
      case "axiomatic": ["docs", "background", "terms", "beta"]
      default: throw .unknownModel(name, known: names)
      }
    let values = try Arguments(specification, name: name, parameters: parameters)
    switch name {
    case "rm3":
      let standard = RM3()
      let weight = try values.number("weight", standard.weight)
      guard weight <= 1 else { throw .outOfRange(parameter: "weight", value: weight, allowed: "from 0 to 1") }
      return RM3(
        docs: try values.count("docs", standard.feedbackDocuments), terms: try values.count("terms", standard.terms),
        weight: weight)
    case "rocchio":
      let standard = Rocchio()
      return Rocchio(
        docs: try values.count("docs", standard.feedbackDocuments), terms: try values.count("terms", standard.terms),
        alpha: try values.number("alpha", standard.alpha), beta: try values.number("beta", standard.beta))
    case "axiomatic":
      let standard = AxiomaticExpansion()
      return AxiomaticExpansion(
        docs: try values.count("docs", standard.feedbackDocuments),
        background: try values.count("background", standard.backgroundDocuments, least: 0),
        terms: try values.count("terms", standard.terms), beta: try values.number("beta", standard.beta))
    default:
      let standard = DivergenceExpansion(name == "kl" ? .kl : .bo1)
      return DivergenceExpansion(
        standard.measure, docs: try values.count("docs", standard.feedbackDocuments),
        terms: try values.count("terms", standard.terms), weight: try values.number("weight", standard.weight),
        mindocs: try values.count("mindocs", standard.mindocs))
    }
  }

  private struct Arguments {
    private var values: [String: Double] = [:]

    init(_ specification: String, name: String, parameters: [String]) throws(ModelSpecificationError) {
      for (parameter, value) in try ModelSpecificationError.arguments(of: specification, model: name, parameters: parameters) {
        values[parameter] = value
      }
    }

    func count(_ name: String, _ standard: Int, least: Int = 1) throws(ModelSpecificationError) -> Int {
      guard let value = values[name] else { return standard }
      guard value >= Double(least), value <= 1e6, value == value.rounded() else {
        throw .outOfRange(parameter: name, value: value, allowed: "a whole number from \(least) to 1000000")
      }
      return Int(value)
    }

    func number(_ name: String, _ standard: Double) throws(ModelSpecificationError) -> Double {
      guard let value = values[name] else { return standard }
      guard value >= 0 else { throw .outOfRange(parameter: name, value: value, allowed: "a number from 0 up") }
      return value
    }
  }
}
