SELECT r.docno  FROM r  WHERE (r.profile IN ('mining')
  AND r.opening IN ('open')
  AND r.secrecy <= 0
  OR r.opening IN ('open')
  AND r.sharing IN ('unconditional')
  AND r.secrecy <= 0)
  AND r.secrecy <= 0
  AND (r.withheld NOT LIKE '%%' || '"audience"' || '%%' ESCAPE '/')
  AND NOT (r.n_audience IS NOT NULL
  OR (EXISTS (SELECT 1 AS anon_1  FROM t AS t_1  WHERE t_1.docno = r.docno
  AND t_1.attribute = 'audience')))
  AND (r.withheld NOT LIKE '%%' || '"audience/_nodes"' || '%%' ESCAPE '/')
  AND NOT (r.n_audience_nodes IS NOT NULL
  OR (EXISTS (SELECT 1 AS anon_2  FROM t AS t_2  WHERE t_2.docno = r.docno
  AND t_2.attribute = 'audience_nodes'
  AND t_2.value != '')))
  AND (r.withheld NOT LIKE '%%' || '"secrecy"' || '%%' ESCAPE '/')
  AND r.secrecy IS NOT NULL
  AND (r.withheld NOT LIKE '%%' || '"sharing"' || '%%' ESCAPE '/')
  AND r.sharing IS NOT NULL
  AND r.sharing IN ('conditional', 'unconditional', 'withheld')
  AND (r.withheld NOT LIKE '%%' || '"authority"' || '%%' ESCAPE '/')
  AND r.authority IS NOT NULL
  AND r.authority != ''
  AND (r.withheld NOT LIKE '%%' || '"division"' || '%%' ESCAPE '/')
  AND r.division IS NOT NULL
  AND ((r.withheld NOT LIKE '%%' || '"terms/_expire"' || '%%' ESCAPE '/')
  AND r.terms_expire IS NULL
  OR r.terms_expire > 1780243200)
  AND (r.own = 1
  OR r.onward = 1)
