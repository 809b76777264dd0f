import GradusCore

// Then binds looser than the cut and the weight (`a >>> b % 10` is `a >>> (b % 10)`, `0.5 * a` needs no brackets), and has no
// order with sums, unions, intersections, concatenations and feature unions; these have none among each other. A mix of them
// without brackets does not compile.

/// Of `>>>`.
precedencegroup PipelineThenPrecedence {
  associativity: left
  higherThan: AssignmentPrecedence
  lowerThan: MultiplicationPrecedence
}

/// Of `|||`.
precedencegroup PipelineUnionPrecedence {
  associativity: left
  higherThan: AssignmentPrecedence
}

/// Of `&&&`.
precedencegroup PipelineIntersectionPrecedence {
  associativity: left
  higherThan: AssignmentPrecedence
}

/// Of `^^^`.
precedencegroup PipelineConcatenationPrecedence {
  associativity: left
  higherThan: AssignmentPrecedence
}

/// Of `**`.
precedencegroup PipelineFeaturePrecedence {
  associativity: left
  higherThan: AssignmentPrecedence
}

infix operator >>> : PipelineThenPrecedence
infix operator ||| : PipelineUnionPrecedence
infix operator &&& : PipelineIntersectionPrecedence
infix operator ^^^ : PipelineConcatenationPrecedence
infix operator ** : PipelineFeaturePrecedence

/// Then: the output of `first` is the input of `second`, which the compiler checks.
///
///     bm25 >>> rerank % 10          // Q -> R: the ten best after re-ranking
///     bm25 % 100 >>> rerank         // re-ranks a hundred
///     (bm25 + dense) >>> rerank     // without the brackets this does not compile
///
/// PyTerrier's operators `>>`, `|`, `&` and `^` are the standard library's in Swift, and a library cannot give them another
/// precedence in its users' files: there `a >> b >> c` is an error, and `a >> b & c` silently means `(a >> b) & c`. Tripled they
/// are our own, with precedence groups of our own.
public func >>> <Input, Middle, Output>(
  first: Pipeline<Input, Middle>, second: Pipeline<Middle, Output>
) -> Pipeline<Input, Output> {
  Pipeline(.then(first.node, second.node))
}

/// The best `depth` documents.
public func % <Input>(pipeline: Pipeline<Input, RankedList>, depth: Int) -> Pipeline<Input, RankedList> {
  Pipeline(.cut(pipeline.node, depth: depth))
}

/// Linear combination: scores are added; a side that lacks a document counts 0 for it. Scale the sides with `*`.
public func + <Input>(
  left: Pipeline<Input, RankedList>, right: Pipeline<Input, RankedList>
) -> Pipeline<Input, RankedList> {
  Pipeline(.joined(.sum, left.node, right.node))
}

/// Scores times a weight.
public func * <Input>(pipeline: Pipeline<Input, RankedList>, weight: Double) -> Pipeline<Input, RankedList> {
  Pipeline(.scale(pipeline.node, by: weight))
}

/// Scores times a weight.
public func * <Input>(weight: Double, pipeline: Pipeline<Input, RankedList>) -> Pipeline<Input, RankedList> {
  Pipeline(.scale(pipeline.node, by: weight))
}

/// Union: the documents of either side, without scores (all are 0, so that the order is that of the tie rule): re-rank them.
public func ||| <Input>(
  left: Pipeline<Input, RankedList>, right: Pipeline<Input, RankedList>
) -> Pipeline<Input, RankedList> {
  Pipeline(.joined(.union, left.node, right.node))
}

/// Intersection: the documents of both sides, without scores (all are 0): re-rank them.
public func &&& <Input>(
  left: Pipeline<Input, RankedList>, right: Pipeline<Input, RankedList>
) -> Pipeline<Input, RankedList> {
  Pipeline(.joined(.intersection, left.node, right.node))
}

/// Concatenation: what only the right side has goes below the left side's lowest score, 0.0001 away, with its own distances.
public func ^^^ <Input>(
  left: Pipeline<Input, RankedList>, right: Pipeline<Input, RankedList>
) -> Pipeline<Input, RankedList> {
  Pipeline(.joined(.concatenation, left.node, right.node))
}

/// Feature union: the documents of either side, each with the scores of all sides as features (0 where a side lacks it), in
/// the order of the first side's scores. A side that has features already brings those.
///
///     let learned = bm25 >>> (title ** body ** cosine) >>> ListPipeline.linear(LinearFeatureScorer(weights: [1, 2, 0.5]))
public func ** <Input>(
  left: Pipeline<Input, RankedList>, right: Pipeline<Input, RankedList>
) -> Pipeline<Input, RankedList> {
  Pipeline(.joined(.features, left.node, right.node))
}

extension PlanNode {
  /// `a + b + c` is one join of three, which adds no rounding and draws as one.
  fileprivate static func joined(_ join: ListJoin, _ left: PlanNode, _ right: PlanNode) -> PlanNode {
    if case .join(let before, let parts) = left, let symbol = join.symbol, before.symbol == symbol {
      return .join(join, parts + [right])
    }
    return .join(join, [left, right])
  }
}
