"""How the HTML report looks: light and dark, wide and narrow, on paper too. A leaf."""

CSS = """
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1c2430;--soft:#5b6675;--line:#dfe3e9;
--good:#11734b;--good-bg:#e3f4ec;--bad:#b3261e;--bad-bg:#fdeceb;--open:#8a5a00;--open-bg:#fdf3dc;
--live:#1f5fc4;--shadow:#b4560c;--grey:#9aa4b2;--code:#f0f2f5}
@media (prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2029;--ink:#e6eaf0;--soft:#9aa6b5;
--line:#2c3542;--good:#5fd3a0;--good-bg:#12322a;--bad:#ff8f85;--bad-bg:#3d1b1a;--open:#f0bf5a;
--open-bg:#372b12;--live:#79aefc;--shadow:#f0a35e;--grey:#6c7887;--code:#11161d}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:62rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.1rem;margin:0;font-weight:600}
h2{font-size:1.5rem;margin:0;overflow-wrap:anywhere}
h3{font-size:1.05rem;margin:2rem 0 .6rem}
p{margin:.4rem 0}
.soft{color:var(--soft)}
.top{display:flex;flex-wrap:wrap;gap:.3rem 1.5rem;justify-content:space-between;
align-items:baseline;margin-bottom:1.2rem}
section{margin-bottom:3rem}
.verdict{border-radius:.8rem;padding:1.1rem 1.3rem;border-left:.45rem solid;margin-bottom:1rem}
.verdict strong{display:block;font-size:.85rem;letter-spacing:.06em;text-transform:uppercase}
.verdict ul{margin:.6rem 0 0;padding-left:1.2rem}
.ready{background:var(--good-bg);border-color:var(--good)}.ready strong{color:var(--good)}
.not-ready{background:var(--bad-bg);border-color:var(--bad)}.not-ready strong{color:var(--bad)}
.too-little-evidence{background:var(--open-bg);border-color:var(--open)}
.too-little-evidence strong{color:var(--open)}
.card{background:var(--card);border:1px solid var(--line);border-radius:.7rem;
padding:1rem 1.2rem;margin:.7rem 0}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:500;color:var(--soft);font-size:.85rem}
th,td{padding:.4rem .8rem .4rem 0;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child td{border-bottom:0}
.n{text-align:right;white-space:nowrap}
.mark{width:1.6rem;font-weight:700}
.met .mark{color:var(--good)}.failed .mark{color:var(--bad)}.unsure .mark{color:var(--open)}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--soft);font-size:11px}
.bar{display:flex;height:1.1rem;border-radius:.55rem;overflow:hidden;background:var(--line)}
.bar i{display:block;min-width:2px}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;margin:.7rem 0 0;padding:0;list-style:none}
.legend i{display:inline-block;width:.75rem;height:.75rem;border-radius:.2rem;margin-right:.45rem}
.c0{background:var(--good)}.c1{background:#7cc4a4}.c2{background:var(--bad)}
.c3{background:var(--grey)}.c4{background:#d98324}
.bars{display:grid;grid-template-columns:max-content 1fr;gap:.6rem .9rem;align-items:center;
margin-bottom:1rem}
.bars div div{display:flex;align-items:center;gap:.5rem;font-size:.85rem;line-height:1.3}
.bars i{height:.85rem;border-radius:.2rem;min-width:2px}
.of-live{background:var(--live)}.of-shadow{background:var(--shadow)}
.begin{color:var(--open);font-weight:600}
.place{font:600 1rem ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.sides{display:grid;grid-template-columns:1fr 1fr;gap:.6rem;margin:.7rem 0 .3rem}
.side{background:var(--code);border-radius:.5rem;padding:.5rem .7rem;border-top:3px solid}
.side.live{border-color:var(--live)}.side.shadow{border-color:var(--shadow)}
.side small{color:var(--soft);display:block}
code{font:.9rem ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.chip{display:inline-block;border:1px solid var(--line);border-radius:1rem;padding:0 .6rem;
font-size:.85rem;margin:.1rem .3rem .1rem 0}
footer{color:var(--soft);font-size:.85rem;border-top:1px solid var(--line);padding-top:1rem}
@media (max-width:34rem){svg text{font-size:20px}
.sides{grid-template-columns:1fr}.card{padding:.8rem}
main{padding-top:1rem}th,td{padding-right:.5rem}}
@media print{body{background:#fff}.card,.verdict{break-inside:avoid}}
"""
