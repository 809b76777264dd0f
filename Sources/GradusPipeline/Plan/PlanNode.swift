import GradusRank

/// A pipeline as a tree. The types have been checked where the operators were applied.
indirect enum PlanNode: Sendable {
  case stage(Stage)
  case then(PlanNode, PlanNode)
  case cut(PlanNode, depth: Int)
  case scale(PlanNode, by: Double)
  /// Several pipelines over the same input, and how their lists become one.
  case join(ListJoin, [PlanNode])
}

/// How several lists of one query become one.
enum ListJoin: Sendable {
  case sum
  case union
  case intersection
  case concatenation
  case features
  case fusion(Fusion)

  /// The word for plans.
  var name: String {
    switch self {
    case .sum: "sum"
    case .union: "union"
    case .intersection: "intersection"
    case .concatenation: "concatenation"
    case .features: "features"
    case .fusion(let fusion): "fuse(\(fusion))"
    }
  }

  /// The operator, nil where it is a call.
  var symbol: String? {
    switch self {
    case .sum: "+"
    case .union: "|||"
    case .intersection: "&&&"
    case .concatenation: "^^^"
    case .features: "**"
    case .fusion: nil
    }
  }
}
