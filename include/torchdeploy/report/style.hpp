#pragma once

#include <string_view>

namespace torchdeploy::inline v0::detail {

/// How the page looks: by day, by night and on paper. Blue and orange, which most colour-blind people can tell apart,
/// and never colour alone.
inline constexpr std::string_view report_style = R"css(
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2127; --muted: #5c6671; --rule: #dce1e6; --soft: #f5f7f9;
  --int8: #2b6cb0; --float: #dd7f1e; --other: #7d8894; --fault: #b3261e; --warning: #8a5a00; --good: #1b7340; }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper: #14171b; --ink: #e5e9ed; --muted: #99a4af; --rule: #2e353d; --soft: #1b2026;
    --int8: #63a9e6; --float: #f0a24b; --other: #8a95a0; --fault: #ff8b80; --warning: #e6b84f; --good: #6cc890; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); -webkit-text-size-adjust: 100%;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif; }
main, footer { max-width: 1120px; margin: 0 auto; padding: 0 28px; }
code { font: 0.92em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; unicode-bidi: isolate; }
h1 { margin: 36px 0 2px; font-size: 27px; line-height: 1.2; font-weight: 650; letter-spacing: -0.015em;
  overflow-wrap: anywhere; unicode-bidi: isolate; }
h2 { margin: 44px 0 10px; font-size: 16px; font-weight: 650; }
h3 { margin: 0; font-size: 13px; font-weight: 600; }
p { margin: 0; }
.muted, .none { color: var(--muted); }
.chain { color: var(--muted); overflow-wrap: anywhere; font-size: 14px; }
.figures { display: flex; flex-wrap: wrap; gap: 18px clamp(24px, 4vw, 56px); margin: 24px 0 0;
  padding: 18px 0; border: solid var(--rule); border-width: 1px 0; }
.figures dt { color: var(--muted); font-size: 13px; }
.figures dd { margin: 0; color: var(--muted); font-size: 13px; overflow-wrap: anywhere; }
.figures b { display: block; color: var(--ink); font-size: 20px; line-height: 1.35; font-weight: 600;
  font-variant-numeric: tabular-nums; letter-spacing: -0.01em; }
.figures b.fault { color: var(--fault); }
.figures b.warning { color: var(--warning); }
.figures b.good { color: var(--good); }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 13px; line-height: 1.45; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 16px 5px 0; text-align: left; vertical-align: baseline; border-bottom: 1px solid var(--rule); }
th { font-weight: 400; }
thead th { color: var(--muted); font-size: 12px; vertical-align: bottom; border-color: var(--muted); white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; }
.layers td, .layers th { white-space: nowrap; }
.layers .reason { white-space: normal; min-width: 240px; color: var(--muted); }
.stages .details { color: var(--muted); overflow-wrap: anywhere; min-width: 240px; }
.details span { display: inline-block; margin-right: 14px; }
.details b { font-weight: 400; color: var(--ink); }
.share { display: block; width: 72px; height: 3px; margin: 3px 0 2px auto; overflow: visible; }
.share rect { fill: var(--muted); }
.findings { list-style: none; margin: 0; padding: 0; }
.findings li { padding: 10px 0 10px 14px; border-left: 3px solid var(--muted); margin-bottom: 8px; background: var(--soft);
  padding-right: 14px; overflow-wrap: anywhere; }
.findings .fault { border-color: var(--fault); }
.findings .warning { border-color: var(--warning); }
.findings b { font-weight: 650; margin-right: 6px; }
.findings .fault b { color: var(--fault); }
.findings .warning b { color: var(--warning); }
.findings p { font-size: 14px; }
.key { display: flex; flex-wrap: wrap; gap: 2px 18px; margin-bottom: 12px; color: var(--muted); font-size: 13px; }
.chip { display: inline-block; width: 10px; height: 10px; margin-right: 6px; border-radius: 2px; background: var(--other); }
.chip.int8 { background: var(--int8); }
.chip.float { background: var(--float); }
.charts { display: flex; flex-wrap: wrap; gap: 24px 40px; margin-bottom: 28px; }
figure { margin: 0; min-width: min(100%, 328px); max-width: 100%; flex: 0 1 auto; }
figcaption { font-size: 13px; margin-bottom: 6px; }
figcaption p { color: var(--muted); overflow-wrap: anywhere; }
.chart { display: grid; grid-template-columns: 44px 1fr; }
.chart svg { display: block; overflow: visible; }
.chart text { font-size: 11px; fill: var(--muted); text-anchor: middle; font-variant-numeric: tabular-nums; }
.chart .scale text { text-anchor: end; }
.chart rect { fill: var(--other); }
.chart rect.int8 { fill: var(--int8); }
.chart rect.float { fill: var(--float); }
.chart rect.slot { fill: transparent; }
.chart g:hover rect.slot { fill: var(--rule); }
.chart .grid { stroke: var(--rule); }
.chart .zero { stroke: var(--muted); }
footer { margin-top: 48px; padding-top: 14px; padding-bottom: 36px; color: var(--muted); font-size: 12px; }
@media (max-width: 600px) {
  main, footer { padding-left: 16px; padding-right: 16px; }
  h1 { margin-top: 22px; font-size: 23px; }
  .figures { display: grid; grid-template-columns: 3fr 2fr; gap: 16px 20px; }
  .figures b { font-size: 17px; }
  .stages thead { display: none; }
  .stages tr { display: grid; grid-template-columns: 1fr repeat(3, auto); column-gap: 14px; align-items: baseline;
    padding: 6px 0; border-bottom: 1px solid var(--rule); }
  .stages th, .stages td { border: 0; padding: 0; }
  .stages td:nth-child(3):empty { display: none; }
  .stages td:not(:empty) + td:nth-child(4)::before { content: "\2192\A0"; color: var(--muted); }
  .stages td:nth-child(4) { grid-column: 4; }
  .stages .details { grid-column: 1 / -1; }
  .stages .share { display: none; }
  .layers th[scope="row"] { min-width: 130px; white-space: normal; overflow-wrap: anywhere; }
}
@media print {
  body { font-size: 11px; }
  main, footer { max-width: none; padding: 0; }
  .wide { overflow: visible; }
  tr, li, figure { break-inside: avoid; }
  h2 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)css";

}  // namespace torchdeploy::inline v0::detail
